#!/usr/bin/perl
# Bad input gets one clear line: file and line for configuration and rules, the
# path and the remedy for what lies in the way. Nothing is overwritten, and a
# reload with an error changes nothing.

use strict;
use warnings;
use File::Find qw(find);
use Test::More;
use BM::Daemon;
use BM::Util qw(prog run slurp spew tempdir top);

my $dir   = tempdir();
my $rules = "$dir/packaged";    # where the daemon can read them again as user nobody
mkdir "$dir/$_" for qw(postfix rules.d packaged);
spew("$rules/" . s{.*/}{}r, slurp($_)) for glob top() . '/rules/*.rules';
spew("$dir/postfix/$_", '') for qw(main.cf master.cf);

# What every configuration here has; two lines.
my $base = qq{rules-dir = "$rules" postfix-config = "$dir/postfix"\nlocal-rules-dir = "$dir/rules.d"\n};

sub try { return run(prog('bouncemilter'), '-t', '-c', $_[0]) }

# Configuration => message. The text begins at line 3.
my $time = 'write a time with its unit, such as 30s, 15m, 12h or 365d';
my @configurations = (
    [qq{nonsense = 5\n},                      q{3: no such option 'nonsense'}],
    [qq{\n\nnonsense = 5\n},                  q{5: no such option 'nonsense'}],
    [qq{retention = "5 mins"\n},              qq{3: "5 mins" is no value for retention: $time}],
    [qq{retention = 5 mins\n},                qq{3: "5" is no value for retention: $time}],
    [qq{retention = -5d\n},                   qq{3: "-5d" is no value for retention: $time}],
    [qq{retention = 1w\n},                    qq{3: "1w" is no value for retention: $time}],
    [qq{commit-timeout = 0\n},
        qq{3: "0" is no value for commit-timeout: write a time above 0 with its unit, such as 30s, 15m, 12h or 365d}],
    [qq{socket = "foo"\n},
        qq{3: "foo" is no value for socket: write unix:/path, inet:port\@host or inet6:port\@host}],
    [qq{own-domains = { "a..b" }\n},
        qq{3: "a..b" in own-domains is neither an address nor a domain}],
    [qq{store-size = 16\n},                   q{3: "16" is no value for store-size: write a size with its unit, such as 512M or 16G}],
    [qq{store-size = 16g\n},                  q{3: "16g" is no value for store-size: write a size with its unit, such as 512M or 16G}],
    [qq{max-suppressions = 200\n},            q{3: "200" is no value for max-suppressions: write a number and a time, such as 200/10m, or 0}],
    [qq{mode = off\n},                        q{3: "off" is no value for mode: write enforce or observe}],
    [qq{enforce = yes\n},                     q{3: "yes" is no value for enforce: write table, milter or both}],
    [qq{mode observe\n},                      q{3: missing equal sign after option 'mode'}],
    [qq{trusted-reporters = { "300.1.1.1" }\n}, q{3: "300.1.1.1" in trusted-reporters is no address or network}],
    [qq{own-clients = { "10.0.0.0/33" }\n},   q{3: "10.0.0.0/33" in own-clients is no address or network}],
    [qq{keep = "text\n},                      q{3: a quoted text is not closed}],
    [qq{category user-gone {\n}\n},           q{4: "user-gone" is no category that can be set}],
    [qq{category unknown { action = count }\n}, q{3: "unknown" is no category that can be set}],
    [qq{category local { action = suppress }\n}, q{3: "local" is no category that can be set}],
    ["category mailbox-full {\n    action = count\n", q{3: the { has no closing }}],
    ["}\n",                                   q{3: unexpected closing brace}],
    [qq{category mailbox-full { action = delete }\n}, q{3: "delete" is no value for action: write count, alert, suppress or threshold}],
    [qq{category mailbox-full { table = bulk }\n}, q{3: "bulk" is no value for table: write main or complaint}],
    [qq{category mailbox-full {\n    count = 0\n}\n}, q{4: "0" is no value for count: write a number from 1 to 32}],
    [qq{category mailbox-full {\n    counts = 2\n}\n}, q{4: no such option 'counts'}],
    [qq{category mailbox-full { count = 33 }\n}, q{3: "33" is no value for count: write a number from 1 to 32}],
    [qq{category mailbox-full {\n    days = 0\n}\n}, q{4: "0" is no value for days: write a number from 1 to 32}],
    [qq{category mailbox-full { unit = mails }\n}, q{3: "mails" is no value for unit: write message or attempt}],
    [qq{category mailbox-full { consecutive = perhaps }\n}, q{3: "perhaps" is no value for consecutive: write no or yes}],
    [qq{category mailbox-full { within = 7 }\n}, qq{3: "7" is no value for within: $time}],
    (map { [$_, q{3: within = 0 in category mailbox-full sets no bound in time: that needs consecutive = yes}] }
        qq{category mailbox-full { within = 0 }\n}, qq{category mailbox-full { consecutive = no within = 0 }\n}),
    [qq{within = 7h\n},                        q{3: no such option 'within'}],
    (map { [qq{log { $_ }\n}, q{3: log is one of file, journal = yes and none = yes}] }
        'file = "/var/log/mail.log" journal = yes', 'file = "/var/log/mail.log" none = yes', 'journal = yes none = yes'),
    [qq{log { none = yes }\nlog { journal = yes }\n}, q{4: log is one of file, journal = yes and none = yes}],
    [qq{log {\n    path = "/var/log/mail.log"\n}\n}, q{4: no such option 'path'}],
    [qq{log { journal = maybe }\n},            q{3: "maybe" is no value for journal: write no or yes}],
    [qq{log { none = 1 }\n},                   q{3: "1" is no value for none: write no or yes}],
    [qq{log = "/var/log/mail.log"\n},          q{3: missing opening brace for section 'log'}],
    ["log {\n    none = yes\n",               q{3: the { has no closing }}],
    [qq{category greylisted { term = 1d }\ncategory greylisted { term = 2d }\n}, q{4: found duplicate title 'greylisted'}],
    [qq{accept = { "local", "spf" }\n},        q{3: "spf" is no value for accept: write none, local, relay, ledger, tag, envid, dkim or aligned}],
    [qq{mark = { "header" }\n},                q{3: "header" is no value for mark: write tag or envid}],
    [qq{ledger = yes\n},                       q{3: "yes" is no value for ledger: write auto, log, milter or none}],
    [qq{reject-unverified = 1\n},              q{3: "1" is no value for reject-unverified: write no or yes}],
    [qq{feedback-loops = { "a..b" }\n},        q{3: "a..b" in feedback-loops is neither an address nor a domain}],
    [qq{include("$dir/none.conf")\n},         qq{3: $dir/none.conf: No such file or directory}],
    # Alerts: what does not parse, what a rule does not have, what could never fire.
    (map { [$_, qq{3: "spam" is no alert: write auth, auth-first, blocklist, throttle, campaign, hygiene, complaint, one-receiver, ramp, breaker, self or forged}] }
        qq{alert spam { }\n}, qq{alert spam { count = 5 }\n}),
    [qq{alert auth {\n    counts = 5\n}\n},    q{4: no such option 'counts'}],
    [qq{alert { count = 5 }\n},               q{3: missing title for section 'alert'}],
    [qq{alert auth-first {\n    count = 3\n}\n}, q{4: alert auth-first has no count: it has enabled, window}],
    [qq{alert ramp { ratio = 5% }\n},         q{3: alert ramp has no ratio: it has enabled, window, count, factor}],
    [qq{alert ramp { count = 5 }\nalert ramp { count = 6 }\n}, q{4: found duplicate title 'ramp'}],
    [qq{alert auth { enabled = perhaps }\n},  q{3: "perhaps" is no value for enabled: write no or yes}],
    (map { [qq{alert auth {\n    ratio = "$_"\n}\n}, qq{4: "$_" is no value for ratio: write a share above 0% and up to 100%, such as 2% or 0.25%}] }
        '0%', '0.0%', '100.01%', '101%', '2', '2 %', '-1%', '.5%', '1.%', '0.00001%', '%', ''),
    (map { [qq{alert auth { count = $_ }\n}, qq{3: "$_" is no value for count: write a number from 1 to 1000000}] } 0, 1000001, 'many'),
    [qq{alert throttle { factor = 0 }\n},     q{3: "0" is no value for factor: write a number from 1 to 200}],
    [qq{alert throttle { factor = 201 }\n},   q{3: "201" is no value for factor: write a number from 1 to 200}],
    (map { [qq{alert auth { spread-providers = $_ }\n}, qq{3: "$_" is no value for spread-providers: write a number from 2 to 8}] } 1, 9),
    [qq{alert auth { critical-major = 4 }\n}, q{3: "4" is no value for critical-major: write a number from 1 to 3}],
    [qq{alert auth { window = 0 }\n},         qq{3: "0" is no value for window: write a time above 0 with its unit, such as 30s, 15m, 12h or 365d}],
    (map { my ($rule, $name, $value, $least) = split; [qq{alert $rule {\n    $name = $value\n}\n}, "5: $name of alert $rule is in whole minutes, from $least to 60: write ${least}m to 60m"] }
        'auth window 61m 1', 'auth window 90s 1', 'auth spread-window 2h 1', 'throttle critical-window 30s 2', 'throttle critical-window 1m 2',
        'ramp window 3m 4', 'forged window 1d 1'),
    (map { my ($rule, $value) = split; [qq{alert $rule { window = $value }\n}, "3: window of alert $rule is in whole hours, from 1 to 24: write 1h to 24h"] }
        'hygiene 25h', 'complaint 30m', 'auth-first 90m'),
    [qq{alert breaker { release = 25h }\n},   q{3: release of alert breaker is in whole minutes, from 1 to 1440: write 1m to 1440m}],
    [qq{alert breaker { release = 9m }\n},    q{3: release of alert breaker is shorter than its window: what froze the provider would still count; raise release}],
    (map { my ($rule, $name, $below, $value) = split;
            [qq{alert $rule { $value }\n}, "3: $name of alert $rule is below its $below: nothing is critical before there is a warning; raise $name, or lower $below"] }
        'auth critical-count count critical-count=4', 'auth critical-count count count=26', 'auth critical-ratio ratio ratio=20.0001%',
        'forged critical-count count count=202', 'hygiene critical-ratio ratio critical-ratio=4.9%',
        'complaint microsoft-ratio ratio microsoft-ratio=0.09%', 'complaint campaign-ratio ratio campaign-ratio=0.05%'),
    (map { [qq{alert hygiene { notice-ratio = $_ }\n},
            q{3: notice-ratio of alert hygiene is not below its ratio: where the notice would be, a warning is already; lower notice-ratio}] } '5%', '6%'),
    (map { [qq{alert-command = { "$_", "/bin/x" }\n}, qq{3: "$_" in alert-command is no full path of a program: its arguments are further texts, { "/path", "argument" }}] }
        'page', 'page now', ''),
    (map { [qq{alert-command-timeout = $_\n}, qq{3: "$_" is no value for alert-command-timeout: write a time with its unit, from 1s to 5m}] } 0, '301s'),
    (map { [qq{alert-mail = "$_"\n}, qq{3: "$_" is no value for alert-mail: write a mail address, such as postmaster\@example.com, or "" for none}] }
        'root', 'a@b', 'a@b.example, c@b.example'),
    (map { [qq{sendmail-path = "$_"\n}, qq{3: "$_" is no value for sendmail-path: write a full path}] } '', 'sendmail'),
    [qq{alert-textfile = "b.prom"\n},         q{3: "b.prom" is no value for alert-textfile: write a full path, or "" for none}],
    [qq{alerts-per-hour = 0\n},               q{3: "0" is no value for alerts-per-hour: write a number from 1 to 1000000}],
    (map { [qq{outbound-address = "$_"\n}, qq{3: "$_" is no value for outbound-address: write an IP address, such as 192.0.2.1, or "" for none}] }
        'mx.example.com', '192.0.2.0/24', '192.0.2.1/32', '192.0.2.256'),
);

# What several settings say together, or a file that they name.
my $secret = 'c0ffee' x 10 . 'beef';
my %file = (key => "a $secret\n", short => "a $secret\nb c0ffee\n", empty => "# none\n", zone => "a.test TXT \"x\"\nb.test MX mx.b.test\n");
spew("$dir/$_", $file{$_}), chmod 0600, "$dir/$_" for keys %file;
spew("$dir/open", $file{key});
chmod 0644, "$dir/open";
my @together = (
    [qq{ledger = log\nlog { none = yes }\n},  "CONF: ledger = log, but there is no log: set log { file }, or ledger to milter or none"],
    [qq{retention-sent = 11d\n},              'CONF: retention-sent may be 10d at most'],
    [qq{accept = { "local", "tag" }\n},       'CONF: accept names tag or envid, but there is no key: set key-file'],
    [qq{accept = "ledger"\nledger = none\n},  'CONF: accept names ledger, but ledger = none'],
    [qq{key-file = "$dir/none"\n},            qq{$dir/none: no such file: make it with a line "a KEY", KEY being the output of openssl rand -hex 32}],
    [qq{key-file = "$dir/open"\n},            "$dir/open: others than its owner can read it: run chmod 600 $dir/open"],
    [qq{key-file = "$dir/short"\n},           "$dir/short:2: the KEY must be 64 hexadecimal digits: make one with openssl rand -hex 32"],
    [qq{key-file = "$dir/empty"\n},           "$dir/empty: no key in it: write a line with an ID and the output of openssl rand -hex 32"],
    [qq{dns-zone = "$dir/zone"\n},            qr{^\Q$dir\E/zone:2: }],
    [qq{dns-zone = "$dir/none"\n},            qr{^\Q$dir\E/none: }],
    [qq{dns-servers = "ns1.example.com"\n},   qr{ns1\.example\.com}],
);

subtest 'together' => sub {
    my $conf = "$dir/bad.conf";
    for (@together) {
        my ($text, $message) = @$_;
        spew($conf, $base . $text);
        my ($status, $out, $err) = try($conf);
        if (ref $message) { like $err =~ s/^bouncemilter: error: //r, $message, $text }
        else              { is $err, "bouncemilter: error: $message\n" =~ s/CONF/$conf/r, $text }
        is $status, 78, 'exit status';
        is $out, '', 'and nothing else';
    }
    my %proofs = (
        ''                                              => 'local, relay, ledger (fed by the milter), dkim',
        qq{key-file = "$dir/key"\n}                     => 'local, relay, ledger (fed by the milter), tag, envid, dkim',
        qq{accept = { "local", "aligned" }\n}           => 'local, aligned',
        qq{accept = {}\n}                               => 'none',
        qq{ledger = none\n}                             => 'local, relay, dkim',
        qq{feedback-loops = { "fbl.example.com" }\n}    => 'local, relay, ledger (fed by the milter), dkim, feedback-loop',
        qq{log { file = "$dir/none.log" }\n}            => 'local, relay, ledger (fed by the log), dkim',
    );
    for my $text (sort keys %proofs) {
        spew($conf, $base . ($text =~ /^log/ ? '' : "log { none = yes }\n") . $text);
        like((try($conf))[1], qr/^proofs: \Q$proofs{$text}\E$/m, "proofs: $proofs{$text}");
    }
};

subtest 'configuration' => sub {
    my $conf = "$dir/bad.conf";
    for (@configurations) {
        my ($text, $message) = @$_;
        spew($conf, $base . $text);
        my ($status, $out, $err) = try($conf);
        is $err, "bouncemilter: error: $conf:$message\n", $message;
        is $status, 78, 'exit status';
        is $out, '', 'and nothing else';
    }
    spew("$dir/part.conf", "\nmode = off\n");
    spew($conf, qq{$base include("$dir/part.conf")\n});
    is((try($conf))[2], "bouncemilter: error: $dir/part.conf:2: \"off\" is no value for mode: write enforce or observe\n",
        'in an included file');
    my ($status, undef, $err) = try("$dir/none.conf");
    is $err, "bouncemilter: error: $dir/none.conf: No such file or directory\n", 'no configuration';
    is $status, 78, 'exit status';
    spew($conf, $base);
    for my $tool ('bouncemilter-dump', 'bouncemilter-suppress') {
        spew($conf, "${base}nonsense = 5\n");
        my @do = $tool =~ /suppress/ ? '--verify' : ();
        my ($status, $out, $err) = run(prog($tool), '-c', $conf, @do);
        is $err, "$tool: error: $conf:3: no such option 'nonsense'\n", $tool;
        is $status, 78, 'exit status';
    }
};

# What is good, and which log is read then; a "-" for one that is found.
my @good = (
    [q{},                                                     '-'],
    [q{log { }},                                              '-'],
    [q{log { file = "" journal = no none = no }},             '-'],
    [q{log { none = yes }},                                   'none (log { none = yes })'],
    [q{log { journal = yes }},                                'the journal (log { journal = yes })'],
    [qq{log { journal = yes journal-dir = "$dir" }},          "the journal in $dir (log { journal = yes })"],
    [qq{log { file = "$dir/postfix/main.cf" }},               "$dir/postfix/main.cf (log { file })"],
    [qq{log {\n    file = "$dir/none.log"\n    journal = no\n}}, "$dir/none.log (log { file }), not there"],
    (map { [qq{category mailbox-full { $_ }}, '-'] }
        'action = count', 'action = threshold  count = 5  days = 1  consecutive = yes  within = 0',
        'within = 0 consecutive = yes', 'action = threshold  unit = attempt  count = 4  days = 1  within = 7h',
        'action = threshold  count = 3  days = 3  within = 30d  unit = message  consecutive = no', 'count = 32 days = 32'),
    (map { [$_, '-'] }
        'alert auth { enabled = no }', 'alert auth { ratio = 20%  critical-ratio = 20% }', 'alert auth { ratio = 0.0001% }',
        'alert auth { window = 60m  count = 25  critical-count = 25 }', 'alert one-receiver { ratio = 100% }', 'alert hygiene { window = 1h }',
        'alert ramp { window = 4m }', 'alert throttle { critical-window = 2m }',
        'alert breaker { window = 1h  release = 60m  count = 1000000 }', 'alert-command = {}',
        'alert-command = { "/bin/x", "", "a b" }  alert-command-timeout = 5m', 'alert-mail = "ops@example.com"  alert-mail = ""',
        'alert-textfile = "/x/b.prom"', 'outbound-address = "2001:db8::1"'),
);

subtest 'what is good, and the log that it means' => sub {
    my $conf = "$dir/good.conf";
    for (@good) {
        my ($text, $log) = @$_;
        spew($conf, "$base$text\n");
        my ($status, $out, $err) = try($conf);
        is "$status$err", '0', $text;
        my ($is) = $out =~ /^mail log: (.+)$/m;
        if ($log eq '-') { like $is, qr/\((?:found|nothing found)\)$/, 'the log that is there' }
        else             { is $is, $log, 'the log' }
    }
    return if !-x '/usr/sbin/postconf';
    my $main = "$dir/with-log";
    mkdir $main;
    spew("$main/main.cf",   "maillog_file = $dir/postfix/main.cf\n");
    spew("$main/master.cf", '');
    spew($conf, $base =~ s/\Q$dir\E\/postfix"/$main"/r);
    like((try($conf))[1], qr{^mail log: \Q$dir\E/postfix/main\.cf \(maillog_file of Postfix\)$}m, 'what Postfix says goes first');
};

# What is printed is what was set.
subtest 'alerts as they are in force' => sub {
    my $conf = "$dir/good.conf";
    my %set = (
        'alert auth { ratio = 2.50%  spread-window = 90m }' => undef,
        'alert auth { ratio = 2.50%  spread-window = 45m }' => qr/^alert auth \{\n.*^\tratio = 2\.5%\n\tspread-window = 45m\n\tspread-count = 3\n/ms,
        'alert complaint { ratio = 0.0105% }'        => qr/^alert complaint \{\n.*^\tratio = 0\.0105%\n/ms,
        'alert forged { enabled = no }'              => qr/^alert forged \{\n\tenabled = no\n\twindow = 10m\n\tcount = 21\n\tcritical-count = 201\n\}\n/m,
        'alert-command = { "/bin/x", "a \"b\"", "" }' => qr/^alert-command = \{ "\/bin\/x", "a \\"b\\"", "" \}$/m,
        'alert-mail = "<Ops@Example.COM>"'           => qr/^alert-mail = "ops\@example\.com"$/m,
        'outbound-address = "[2001:DB8:0::1]"'       => qr/^outbound-address = "2001:db8::1"$/m,
        'alerts-per-hour = 5'                        => qr/^alerts-per-hour = 5$/m,
    );
    for (sort keys %set) {
        spew($conf, "$base$_\n");
        my ($status, $out, $err) = run(prog('bouncemilter'), '-p', '-c', $conf);
        is $status, defined $set{$_} ? 0 : 78, $_ or diag $err;
        like $out, $set{$_}, 'is printed' if defined $set{$_};
        # And it can be read again.
        spew($conf, $out);
        is((run(prog('bouncemilter'), '-p', '-c', $conf))[1], $out, 'and read again') if defined $set{$_};
    }
};

# The lists of providers, the packaged one and the site's own.
subtest 'providers' => sub {
    my $conf = "$dir/good.conf";
    my %line = (
        'Google google.com'            => 'behind the name stands major or "-", not "google.com"',
        'Google major'                 => 'Google has no domain',
        'Google major mx.google.com'   => 'mx.google.com can never be found: write its organisational domain, google.com',
        'Google major google.com gmail.com google.com' => 'the domain google.com is already in line 2',
        'Two words - a.example'        => 'behind the name stands major or "-", not "words"',
    );
    spew($conf, $base);
    for my $file ("$rules/providers.list", "$dir/rules.d/providers.list") {
        for (sort keys %line) {
            spew($file, "# of ours\n$_\n");
            my ($status, undef, $err) = try($conf);
            is $err, "bouncemilter: error: $file:2: $line{$_}\n", $_;
            is $status, 78, 'exit status';
        }
        spew($file, "Google major google.com\n");
        is((try($conf))[0], 0, 'a good one');
    }
    unlink "$dir/rules.d/providers.list";
    spew("$rules/providers.list", slurp(top() . '/rules/providers.list'));
    is((try($conf))[0], 0, 'the one of the package');
};

# A line of a rules file => message.
my @rules = (
    ['a.1 - 550 - "gone" user-gone',            'unknown category "user-gone"'],
    ['a.1 - 550 - "gone" manual',               'unknown category "manual"'],
    ['a.1 nowhere 550 - "gone" user-unknown',   'the scope nowhere is not declared above'],
    ['code.550 - 550 - "gone" user-unknown',    qr{the id code\.550 is already used at \Q$rules\E/90-codes\.rules:\d+}],
    ['a_1 - 550 - "gone" user-unknown',         'the id "a_1" may only have letters, digits, "." and "-"'],
    ['a.1 - 550 - "gone user-unknown',          'the pattern has no closing "'],
    ['a.1 - 550 - /gone user-unknown',          'the pattern has no closing /'],
    ['a.1 - 550 - /go(ne/ user-unknown',        'the expression fails at character 6: missing closing parenthesis'],
    ['a.1 - 550 - gone user-unknown',           'the pattern "gone" must be "text", /regex/ or "-"'],
    ['a.1 - 550 - "" user-unknown',             'an empty pattern would match everything'],
    ['a.1 - - - - unknown',                     'a rule without code, status and pattern would match everything'],
    ['a.1 - 550 - - user-unknown',              'a reply code alone may not choose the hard category user-unknown'],
    ['a.1 - 5xx - - mailbox-disabled',          'a reply code alone may not choose the hard category mailbox-disabled'],
    ['a.1 - 55 - "gone" user-unknown',          '"55" is no reply code: write 550, 5xx or "-" for any'],
    ['a.1 - 650 - "gone" user-unknown',         '"650" is no reply code: write 550, 5xx or "-" for any'],
    ['a.1 - 550 5.1 "gone" user-unknown',       '"5.1" is no enhanced status: write 5.1.1, x.1.1, 5.7.x, 5.7.606-649 or "-" for any'],
    ['a.1 - 550 5.7.9-1 "gone" user-unknown',   '"5.7.9-1" is no enhanced status: write 5.1.1, x.1.1, 5.7.x, 5.7.606-649 or "-" for any'],
    ['a.1 - 550 - "gone" auth-failure:dane',    'unknown sub-cause "dane" of auth-failure: write one of spf dkim dmarc arc alignment unspecified'],
    ['a.1 - 550 - "gone" user-unknown:spf',     'user-unknown has no sub-causes'],
    ['a.1 - 550 - "gone"',                      'there is no category'],
    ['a.1 - 550',                               'a rule is: id scope code status pattern category comment'],
    ['scope here',                              'the scope here names no host and no text'],
    ['scope here text gone',                    '"gone" is not expected here: write host SUFFIX (at most 16) or text "WORDS"'],
    ['scope google host .example.org',          'the scope google is declared twice'],
);

subtest 'rules' => sub {
    my ($conf, $file) = ("$dir/good.conf", "$dir/rules.d/site.rules");
    spew($conf, $base);
    for (@rules) {
        my ($line, $message) = @$_;
        spew($file, "# the site's own\n\n$line\n");
        my ($status, undef, $err) = try($conf);
        my $begin = "bouncemilter: error: $file:3: ";
        if (ref $message) { like $err, qr/\A\Q$begin\E$message\n\z/, $line }
        else              { is $err, "$begin$message\n", $line }
        is $status, 78, 'exit status';
    }
    unlink $file;
    is((try($conf))[0], 0, 'without it all is well');
    spew($conf, $base =~ s/\Q$rules\E/$dir\/postfix/r);
    is((try($conf))[2], "bouncemilter: error: $dir/postfix: no *.rules file in it\n", 'no rules at all');
};

# The command line.
subtest 'usage' => sub {
    my %line = (
        'bouncemilter x'                         => 'bouncemilter: unexpected "x".',
        'bouncemilter --what'                    => "unrecognized option '--what'",
        'bouncemilter-dump --since yesterday'    => '"yesterday" is no time: write 2026-11-20T14:02:00Z, 2026-11-20, or 2h for two hours ago',
        'bouncemilter-dump --category gone'      => 'unknown category "gone"',
        'bouncemilter-dump --explain gone'       => '"gone" is no mail address',
        'bouncemilter-dump --domain a..b'        => '"a..b" is no domain',
        'bouncemilter-dump --events --held'      => 'only one thing can be shown at a time',
        'bouncemilter-dump --events --postmap'   => '--postmap is for suppressions only',
        'bouncemilter-suppress'                  => 'nothing to do',
        'bouncemilter-suppress --add a@b.example' => 'give a --reason: it stands in the story of the address',
        'bouncemilter-suppress --undo'           => '--undo needs --since: from when on',
    );
    for (sort keys %line) {
        my ($program, @args) = split;
        my ($status, undef, $err) = run(prog($program), @args);
        is $status, 2, $_;
        like $err, qr/\Q$line{$_}\E.*^?Try '\Q$program\E --help'/ms, $line{$_};
    }
};

if ($> != 0) {
    note 'the rest needs root';
    done_testing;
    exit;
}

# A daemon of its own directory, and what it says when it does not start.
my $number = 0;

sub daemon {
    my ($more) = @_;
    my $place = "$dir/" . ++$number;
    mkdir $place;
    chmod 0755, $place;
    return BM::Daemon->new(dir => $place, conf => $base . ($more // ''));
}

# Everything below a directory, to see that nothing was overwritten; lock files
# come and go.
sub content {
    my ($place) = @_;
    my %is;
    find({ no_chdir => 1, wanted => sub {
        $is{$_} = -f $_ ? slurp($_) : (lstat $_)[2] if !/(?:lock|\.log)\z/ && !/bouncemilter\.conf\z/;
    } }, $place);
    return \%is;
}

# It ends with this status and this one line, and changes nothing.
sub refuses {
    my ($daemon, $want, $message, $what) = @_;
    my $place  = $daemon->conf_file =~ s{/[^/]+\z}{}r;
    my $before = content($place);
    my ($status, undef, $err) = run({ timeout => 20 }, prog('bouncemilter'), '-f', '-c', $daemon->conf_file);
    $err =~ s/^bouncemilter: (?!error: ).*\n//mg;
    if (ref $message) { like $err, qr/\Abouncemilter: error: $message\n\z/, $what }
    else              { is $err, "bouncemilter: error: $message\n", $what }
    is $status, $want, 'exit status';
    is_deeply content($place), $before, 'nothing is overwritten';
    return;
}

my $one = daemon()->start;

subtest 'a reload with an error keeps the old set' => sub {
    my $good = slurp($one->conf_file);
    my $conf = $one->conf_file;
    spew($conf, "mode = observe\nretention = \"5 mins\"\n$good");
    $one->reload;
    ok $one->wait_log(qr/^\Qbouncemilter: error: $conf:2: "5 mins" is no value for retention: $time; the old configuration stays in force\E$/m),
        'configuration';
    spew($conf, $good);
    spew("$dir/rules.d/site.rules", qq{a.1 - 550 - "gone" user-gone\n});
    $one->reload;
    ok $one->wait_log(qr{^\Qbouncemilter: error: $dir/rules.d/site.rules:1: unknown category "user-gone"; the old configuration stays in force\E$}m),
        'rules';
    spew("$dir/rules.d/site.rules", qq{a.1 - 550 - "gone" user-unknown\n});
    my $before = $one->wait_log(qr/started, version \S+, (\d+) rules/);
    $one->reload;
    is $one->wait_log(qr/configuration read again, (\d+) rules/), $before + 1, 'the mended set is taken';
    unlink "$dir/rules.d/site.rules";
    my $warning = qr/\Qwarning: $conf: socket, user, log, state-dir, table-dir, table-type, store-size, ledger, ledger-size, dns-servers and dns-zone change with the next restart\E$/m;
    my $without = $good =~ s/^log \{.*?^\}\n//msr;
    my $count = 0;
    for (qq{${good}table-dir = "$dir"\n}, qq{${without}log { file = "$dir/other.log" }\n}, qq{${without}log { journal = yes }\n}) {
        spew($conf, $_);
        $one->reload;
        ok $one->wait_log(qr/(?:$warning.*){@{[++$count]}}/s), 'what takes a restart';
    }
    spew($conf, $good);
    $one->reload;
    ok $one->alive, 'it runs on';
};

subtest 'a second instance' => sub {
    my $in_use = 'is in use by another bouncemilter: stop that one, or change the setting in its configuration';
    my $two = daemon('socket = "unix:' . $one->socket . qq{"\n});
    refuses($two, 73, $one->socket . " $in_use", 'of the same socket');
    $two = daemon('state-dir = "' . $one->state_dir . qq{"\n});
    refuses($two, 73, $one->state_dir . " $in_use", 'of the same store');
    ok $one->_answers, 'the first one still serves';
    is $one->stop, 0, 'until it is stopped';
};

subtest 'what lies at the socket' => sub {
    my $path = $one->socket;
    spew($path, 'mine');
    refuses($one, 73, "$path: there is something that is not a socket: move it away, or change socket in " . $one->conf_file, 'a file');
    unlink $path;
    mkdir $path;
    refuses($one, 73, "$path: there is something that is not a socket: move it away, or change socket in " . $one->conf_file, 'a directory');
    rmdir $path;
    # A link is followed, and stays a link.
    symlink 'real.sock', $path;
    $one->start;
    is readlink $path, 'real.sock', 'a link stays';
    my $real = $path =~ s/milter\.sock\z/real.sock/r;
    ok -S $real, 'the socket is where it leads to';
    $one->kill9;
    unlink $path, $real;
};

subtest 'directories and users' => sub {
    my $d = daemon();
    my $state = $d->state_dir;
    chown 0, 0, $state;
    refuses($d, 73, qr{\Q$state\E\S*: .*Permission denied.*}, 'a state directory that is not writable');
    $d = daemon();
    my $run = $d->socket =~ s{/[^/]+\z}{}r;
    chown 0, 0, $run;
    refuses($d, 73, qr{\Q$run\E\S*: .*Permission denied.*}, 'a socket directory that is not writable');
    $d = daemon(qq{table-dir = "$dir/none/tables"\n});
    refuses($d, 73, qr{\Q$dir\E/none/tables: No such file or directory.*}, 'a directory without a parent');
    $d = daemon(qq{user = "nosuchuser"\n});
    refuses($d, 78, 'user "nosuchuser" does not exist: make it with adduser --system --group --no-create-home nosuchuser, '
        . 'or set user in ' . $d->conf_file, 'an unknown user');
};

subtest 'the store' => sub {
    my $file = $one->state_dir . '/state.lmdb';
    my $owner = sub { chown +(getpwnam 'nobody')[2, 3], $_[0]; return };
    my $schema = sub {
        my ($from, $to) = @_;
        my (undef, $meta) = run('mdb_dump', '-n', '-s', 'meta', $file);
        $meta =~ s/^( 736368656d61\n )000000000000000$from$/${1}000000000000000$to/m or return fail 'schema in meta';
        spew("$dir/meta", $meta);
        return is((run('mdb_load', '-n', '-s', 'meta', '-f', "$dir/meta", $file))[0], 0, "schema $to");
    };
    SKIP: {
        $schema->(1, 2);
        my $newer = "$file is of version 2, this program knows version 1: install the newer bouncemilter, or move the file away";
        refuses($one, 78, $newer, 'a newer version');
        my ($status, undef, $err) = $one->tool('bouncemilter-dump');
        is $status, 78, 'also for bouncemilter-dump';
        like $err, qr/^\Qbouncemilter-dump: error: $newer\E$/m, 'which says the same';
        $schema->(2, 1);
    }
    rename $file, "$file.good";
    spew($file, 'no LMDB at all. ' x 1000);
    $owner->($file);
    refuses($one, 78, "$file is not a store of this program: move it away, or set state-dir to another directory", 'another file');
    spew($file, slurp("$file.good"));
    $owner->($file);
    truncate $file, 3 * 4096;
    refuses($one, 78, "$file is cut short: move it away and restore a copy made with mdb_copy", 'one that is cut short');
    unlink $file;
    symlink "$file.good", $file;
    refuses($one, 78, "$file: not a regular file: move it away", 'a link');
    unlink $file;
    rename "$file.good", $file;
    my $small = daemon(qq{store-size = 4K\n});
    my ($status, undef, $err) = run(prog('bouncemilter'), '-f', '-c', $small->conf_file);
    like $err, qr/\Qerror: @{[$small->state_dir]}\/state.lmdb is full: raise store-size in bouncemilter.conf\E$/m, 'no room';
    is $status, 73, 'exit status';
};

subtest 'the tables' => sub {
    my $state = $one->state_dir;
    my $file  = "$state/access.lmdb";
    {
        unlink $file;
        spew("$state/access", "user\@example.net 550 5.1.1 ours\n");
        my ($status, undef, $err) = run('/usr/sbin/postmap', '-c', "$dir/postfix", "lmdb:$state/access");
        is $status, 0, 'a table by postmap' or diag $err;
        unlink "$state/access";
        chown +(getpwnam 'nobody')[2, 3], $file;
        my $foreign = "$file holds entries that bouncemilter did not write: move them to a table of your own, "
            . 'or set table-dir to another directory';
        refuses($one, 78, $foreign, 'a table of someone else');
        ($status, undef, $err) = $one->suppress('--add', 'user@example.net', '--reason', 'test');
        is $err, "bouncemilter-suppress: error: $foreign\n", 'bouncemilter-suppress does not touch it either';
        is $status, 78, 'exit status';
        unlink $file;
    }
    unlink $file;
    spew($file, 'torn');
    chown +(getpwnam 'nobody')[2, 3], $file;
    $one->start;
    like $one->log, qr{^bouncemilter: warning: \Q$file\E is damaged: rebuilding it from the store, the old file is kept as \Q$file\E\.torn$}m,
        'a torn table is rebuilt, and it says so';
    is slurp("$file.torn"), 'torn', 'what was there is kept';
    cmp_ok -s $file, '>=', 8192, 'the new one is whole';
    $one->kill9;
    unlink $file;
    $one->start;
    like $one->log, qr{^bouncemilter: \Q$file\E is missing: making it from the store$}m, 'a missing table is made';
    is $one->stop, 0, 'it stops';
};

done_testing;
