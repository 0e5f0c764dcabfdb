#!/usr/bin/perl
# bouncemilter-dump --delivery-status-filter: Postfix is told better where a
# code says the contrary of the words, and nowhere else. First the table alone,
# asked about every reply that we know from every host; then a real Postfix.
#
# A host gets a provider's name from a hosts file of our own, in a mount
# namespace of our own.

use strict;
use warnings;
use FindBin;
use JSON::PP qw(decode_json);
use Test::More;
use BM::Postfix;
use BM::Site;
use BM::Util qw(prog run slurp spew tempdir top);

if (!$ENV{BM_NAMESPACE}) {
    $ENV{BM_NAMESPACE} = 1;
    exec 'unshare', '--mount', '--propagation=private', $^X, "-I$FindBin::Bin/lib", $0
        or die "unshare: $!\n";
}
die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $dir   = tempdir();
my $rules = top() . '/rules';
my $asker = do { mkdir "$dir/asker"; BM::Postfix->new(dir => "$dir/asker") };

# The site's own rules: what a table has to take with it.
mkdir "$dir/rules.d";
spew("$dir/rules.d/site.rules", <<'EOF');
scope partner host .partner.test exact.test text "-- partner"
scope words text "[words]"

local.generic   -       5xx     -          "the whole building"    mailbox-disabled nobody's host: it goes before all others
local.sign      words   -       -          "over quota"            unknown          a text alone widens nothing
local.google    google  550     -          "see our page"          greylisted
local.closed    partner 4xx     -          "account closed"        mailbox-disabled a 4xx for "gone"
local.moved     partner -       4.1.6      -                       mailbox-moved
local.no-proof  partner -       -          "account unknown"       user-unknown     a 5xx too: its 4xx is a doubt
local.begin     partner 5xx     -          /^wait (a|one) (little )?while$/ greylisted the whole reply
local.either    partner 5xx     -          /(^|; )busy( now)?$/    throttled
local.command   partner 5xx     -          "command"               throttled        not what Postfix writes behind it
local.behind    partner 5xx     -          /(?<!not )too\s+fast/   throttled
local.slash     partner 5xx     -          "a/b{2} $x ^y (z|"      system-full
local.slash-2   partner 5xx     -          /limit: https?:\/\/l\./ throttled
local.class     partner 5xx     -          /[\/(] ?rate [^ ]+ [)]/ throttled
local.umlaut    partner 5xx     -          /b.cher [äö]$/          throttled
local.range     partner 5xx,421 5.7.8-119,x.3.2 "range"            throttled
local.digits    partner 5xx     -          "5.1.1"                 throttled
local.zero      partner 5xx     5.0.0,4.x.x "nothing at all"       policy-rejected  Postfix's own word for "no status"
local.zero-2    partner 5xx     -          "nothing at all"        throttled
local.echo      partner 5xx     5.8.8      /(no|go)-\1/            throttled        cannot be carried over
local.echo-2    partner 5xx     5.9.9      /(?i)hidden/            content-rejected the same
local.echo-3    partner 5xx     5.9.9      "hidden"                throttled
local.content   partner 5xx     -          "slow content"          content-rejected
local.slow      partner 5xx     -          "slow"                  throttled
EOF

my @config = ("$dir/conf");
spew($config[0], <<"EOF");
rules-dir = "$rules"
local-rules-dir = "$dir/rules.d"
postfix-config = "@{[$asker->conf_dir]}"
state-dir = "$dir/never-made"
EOF

sub dump_filter { return run(prog('bouncemilter-dump'), '-c', $config[0], '--delivery-status-filter', @_) }

# ---- the rules, read once more and by other means

my (%rule, %hosts);
for my $file (sort(glob "$rules/*.rules"), "$dir/rules.d/site.rules") {
    for (split /\n/, slurp($file)) {
        next if /^#|^\s*$/;
        if (/^scope\s+(\S+)(?:\s+host\s+(.*?))?(?:\s+text\s.*)?$/) { $hosts{$1} = [split ' ', $2 // ''] }
        else {
            my ($id, $scope, @columns) = (split)[0 .. 3];
            my @asked = map { split /,/ } grep { $_ ne '-' } @columns;
            $rule{$id} = { scope => $scope, soft => @asked && !grep { !/^4/ } @asked };
        }
    }
}
my %temporary = map { $_ => 1 }
    qw(throttled recipient-rate greylisted mailbox-full system-error system-full network-error);
my %not_carried = map { $_ => 1 } qw(local.echo);

sub is_of {
    my ($host, $scope) = @_;
    return !!grep { /^\./ ? ".$host" =~ /\Q$_\E\z/i : lc $host eq lc $_ } @{ $hosts{$scope} || [] };
}

# What Postfix takes for the status of a reply.
sub dsn_of {
    my ($reply) = @_;
    my ($class, $status) = $reply =~ /^([245])\d\d(?:[- ] *([245]\.\d{1,3}\.\d{1,3})\b(?!\.\d))?/ or die $reply;
    return defined $status && $status =~ /^$class/ ? $status : "$class.0.0";
}

sub query {
    my ($host, $reply, $form) = @_;
    return dsn_of($reply) . ($form eq 'refused' ? " host $host\[192.0.2.1] refused to talk to me: $reply"
        : " host $host\[2001:db8::1] said: $reply (in reply to $form command)");
}

# The same reply over several lines.
sub in_lines {
    my ($reply, $every) = @_;
    my ($code, $status, $words) = $reply =~ /^(\d\d\d) ([245]\.\d+\.\d+ )?(.*)$/ or return $reply;
    $status //= '';
    my $n = 0;
    my @lines = split /\n/, $words =~ s/ /++$n % $every ? ' ' : "\n"/ger;
    my $last  = pop @lines;
    return join ' ', (map { "$code-$status$_" } @lines), "$code $status$last";
}

# Categories of many [host, reply], as our own rules see it.
sub classify {
    spew("$dir/replies", join '', map { "$_->[0]\t$_->[1]\n" } @_);
    my ($status, $out, $err) = run({ timeout => 120 }, prog('bouncemilter-classify'), '-c', $config[0], '--json',
        '--replies', "$dir/replies");
    is $status, 0, 'classified' or diag $err;
    return map { decode_json($_) } split /\n/, $out;
}

# What the table answers to many queries.
sub ask {
    my ($status, $out, $err) = $asker->command({ stdin => join('', map { "$_\n" } @_), timeout => 300 },
        'postmap', '-q', '-', "pcre:$dir/table.pcre");
    is $err, '', 'Postfix has no complaint about the table';
    return map { /^(.*)\t(.*)$/ ? ($1 => $2) : () } split /\n/, $out;
}

# Ask about each [host, reply, form]; returns how many codes were changed.
sub compare {
    my ($name, @cases) = @_;
    my @verdicts = classify(@cases);
    is @verdicts, @cases, "$name: a verdict for each" or return {};
    my %answer = ask(map { query(@$_) } @cases);
    my (@wrong, %changed);
    for my $i (0 .. $#cases) {
        my ($host, $reply, $form) = @{ $cases[$i] };
        my ($v, $dsn)  = ($verdicts[$i], dsn_of($reply));
        my $rule = $rule{ $v->{rule} } || { scope => '-' };
        my $want = $dsn;
        if (is_of($host, $rule->{scope}) && !$not_carried{ $v->{rule} }) {
            $want =~ s/^5/4/ if $temporary{ $v->{category} };
            $want =~ s/^4/5/ if $v->{class} eq 'hard' && $rule->{soft} && $form eq 'RCPT TO';
        }
        my $got = $answer{ query(@{ $cases[$i] }) } // $dsn;
        push @wrong, "$got, not $want: $v->{category} by $v->{rule}: " . query(@{ $cases[$i] }) if $got ne $want;
        $changed{ $v->{rule} }++ if $got ne $dsn;
    }
    is @wrong, 0, "$name: all " . @cases . ' are right' or diag join "\n", @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)];
    return \%changed;
}

# ---- the table

my ($status, $table, $err) = dump_filter();
is $status, 0, 'made without a store' or diag $err;
ok !-e "$dir/never-made", 'and it makes none';
spew("$dir/table.pcre", $table);
like $table, qr/^# .*\n(?:#.*\n)+/, 'it begins with what it is';
like $table, qr/^#     postconf -e 'smtp_delivery_status_filter = pcre:\S+'$/m, 'and how to install it';
like $table, qr/^# google\.full: 452 4\.2\.2: out of storage or over quota \(mailbox-full\)\n\/\^\[45\]\S+ host .* 4\$1$/m,
    'a line follows the id and the comment of its rule';
like $table, qr/^# local\.generic: .*\n\/.*\/ \$1$/m, 'a rule for anybody leaves a code alone';
like $table, qr/^# The expression of local\.echo cannot be carried over/m, 'what is left out is said';
unlike $table, qr/^# text\.|^# status\.|^# code\./m, 'rules for anybody of the package are not in it';
cmp_ok index($table, '# local.google'), '<', index($table, '# google.rate'), 'the site goes first';

my @known = map { [split /\t/] } grep { /^[^#\t][^\t]*\t[245]\d\d/ } split /\n/, slurp(top() . '/t/data/replies.tsv');
my @names = sort keys %{ { map { $_->[0] => 1 } @known } };
cmp_ok @known, '>', 600, 'replies';

# The same words behind the other class of code.
push @known, map {
    my ($host, $reply) = @$_;
    [$host, $reply =~ s/(?<![\d.])([45])(?=\d\d[- ]|\.\d+\.\d)/9 - $1/ger];
} @known;
cmp_ok @names, '>', 8, 'hosts';

subtest 'every reply, from whom it is known' => sub {
    my @cases = map { my ($host, $reply) = @$_; map { [$host, $reply, $_] } 'RCPT TO', 'end of DATA', 'refused' } @known;
    my $changed = compare('one line', @cases);
    for (qw(google.rate google.full google.flood-dkim google.sending-quota google.rate-ip eop.recipient-limit
        outlook.rp yahoo.tss04 apple.full godaddy.limits orange.limits orange.full qq.frequency)) {
        ok $changed->{$_}, "$_ corrects a code" or diag join ' ', sort keys %$changed;
    }
    for my $words (1, 3) {
        compare("lines of $words words", map { [$_->[0], in_lines($_->[1], $words), 'RCPT TO'] } @known);
    }
};

subtest 'every reply, from every host' => sub {
    compare('crosswise', map { my $reply = $_->[1]; map { [$_, $reply, 'RCPT TO'] } @names,
        'a.b.partner.test', 'exact.test', 'not.exact.test' } @known);
};

subtest 'rules of the site' => sub {
    my @replies = (
        '550 5.2.2 the whole building is over quota', '552 5.2.2 over quota [words] 4', '550 see our page gsmtp',
        '450 4.2.1 this account closed', '450 4.2.1 account', '450 account closed', '550 4.2.1 account closed',
        '450 4.2.1 account closed -- partner', '451 4.1.6 gone', '450 5.1.6 gone', '551 4.1.6 gone',
        '450 4.1.1 account unknown', '550 5.1.1 account unknown',
        '550 wait a little while', '550 5.7.1 wait one while', '550 5.7.1 please wait a while', '550 wait a while longer',
        '554 busy', '554 5.1.1 busy now', '554 so; busy now', '554 so busy now', '554 busy now or later',
        '550 5.1.1 nothing', '550 5.1.1 no such command', '550 too fast', '550 not too fast', '550 so too fast',
        '550 limit: https://l.test/', '550 a/b{2} $x ^y (z|', '550 5.3.1 A/B{2} $X ^Y (Z|', '550 ab{2} $x', '550 (rate 5/h )', '550 / rate a ]',
        '550 bücher ö', '550 BÜCHER Ö', '550 b cher a',
        (map { "550 5.7.$_ range" } 7, 8, 9, 10, 19, 20, 99, 100, 109, 110, 119, 120, 800), '421 5.3.2 range',
        '450 4.3.2 range', '550 4.3.2 range', '550 5.3.2.1 range', '550 5.3.21 range',
        '550 5.1.1 that', '550 5.1.1: 5.1.1 again', '550 5.1.1 see 5.1.1',
        '550 nothing at all', '550 5.1.1 nothing at all', '550 5.0.0 nothing at all', '550 4.5.6 nothing at all',
        '550 5.8.8 no-no', '550 5.8.8 no-go', '550 5.9.9 hidden', '550 5.9.8 hidden slow', '550 slow content', '550 slow',
        '550 suppressed by bouncemilter, slow', '550 slow -- partner', '250 2.0.0 slow', '250 slow', '450 slow',
        '550 host mx.partner.test[192.0.2.1] said: 550 slow', '550',
    );
    my @hosts   = qw(a.b.partner.test partner.test exact.test an.exact.test notpartner.test mx.google.com
        mx1.example.net partner.test.example.net);
    my @forms = ('RCPT TO', 'end of DATA', 'MAIL FROM', 'refused');
    # "nothing at all" has its Postfix's status in a report and none here; "hidden" is left alone by
    # the rule above it, which cannot be carried over: both are asked for below.
    my @cases = map { my $host = $_; map { my $reply = $_; map { [$host, $reply, $_] } @forms }
        grep { !/^550 nothing|^550 5\.9\.9 h/ } @replies } @hosts;
    my $changed = compare('one line', @cases);
    is_deeply [grep { /^local/ } sort keys %$changed],
        [sort map { "local.$_" } qw(begin behind class closed command digits either google moved range slash slash-2
            slow umlaut zero-2)], 'these change a code';
    # What could be the code of a further line, and a look-behind, change nothing there.
    my @sure = grep { $_->[2] eq 'RCPT TO' && $_->[1] !~ /5\.1\.1|fast/ } @cases;
    for my $words (1, 2) {
        compare("lines of $words words", map { [$_->[0], in_lines($_->[1], $words), 'RCPT TO'] } @sure);
    }
    my @left   = map { query('a.partner.test', $_, 'RCPT TO') } '550 nothing at all', '550 5.9.9 hidden', '550 5.8.8 slow';
    my %answer = ask(@left);
    is_deeply [map { $answer{$_} } @left], ['5.0.0', '5.9.9', '5.8.8'], 'what is uncertain is left alone';
};

subtest 'the command line' => sub {
    for (['--json'], ['--csv'], ['--postmap'], ['--since', '2h'], ['--address', 'a@example.net'], ['--category', 'throttled'],
        ['--status', '5.7'], ['--events'], ['--counters']) {
        my ($ret, $out, $error) = dump_filter(@$_);
        is $ret, 2, "not with $_->[0]";
        is $out, '', '... and nothing is printed';
    }
    mkdir "$dir/few";
    spew("$dir/few/a.rules", qq{scope mx host .mx.test\na mx - - "slow" reputation\nb - 5xx - "slow" throttled\n});
    spew("$dir/few.conf", slurp($config[0]) =~ s/^rules-dir = .*/rules-dir = "$dir\/few"/mr =~ s/rules\.d/none/r);
    my ($ret, $out) = run(prog('bouncemilter-dump'), '-c', "$dir/few.conf", '--delivery-status-filter');
    is $ret, 1, 'no rule changes a code: nothing found';
    unlike $out, qr/^[^#\n]/m, 'a table without lines';
};

# ---- a real Postfix

spew("$dir/hosts", "127.0.0.1 localhost mx1.google.com mx.notgoogle.test smtpz4.laposte.net a.partner.test\n");
is +(run('mount', '--bind', "$dir/hosts", '/etc/hosts'))[0], 0, 'names of our own';

my %script = (
    'full@google.test'    => '552 5.2.2 The email account that you tried to reach is over quota. x1-2002 - gsmtp',
    'rate@google.test'    => "550-5.2.1 The user you are trying to contact is receiving mail at a\n550 5.2.1 rate that prevents"
        . ' additional messages from being delivered. x1-2002 - gsmtp',
    'none@google.test'    => '550 5.1.1 The email account that you tried to reach does not exist. x1-2002 - gsmtp',
    'auth@google.test'    => '550 5.7.26 Unauthenticated email from example.net is not accepted. x1-2002 - gsmtp',
    'quoting@google.test' => '554 5.7.1 refused: host mx2.google.com[192.0.2.1] said: 552 5.2.2 over quota',
    'busy@google.test'    => '450 4.2.1 is receiving mail too quickly',
    'full@other.test'     => '552 5.2.2 The email account that you tried to reach is over quota. x1-2002 - gsmtp',
    'liar@other.test'     => '552 5.2.2 host mx1.google.com[127.0.0.1] said: 552 5.2.2 is over quota - gsmtp (in reply to RCPT TO command)',
    'liar2@other.test'    => "552-5.2.2 x\n552 5.2.2 5.2.2 host mx1.google.com[127.0.0.1] said: 552 5.2.2 is over quota - gsmtp",
    'closed@partner.test' => '450 4.2.1 account closed',
    'later@partner.test'  => '450 4.2.1 account busy',
);
my %route = (google => 'mx1.google.com]:MX', other => 'mx.notgoogle.test]:MX', partner => 'a.partner.test]:MX',
    early => 'smtpz4.laposte.net]:GREETING[0]', early2 => 'mx1.google.com]:GREETING[1]');
mkdir "$dir/site";
my $mx_port = BM::Util::free_port();
my $site = BM::Site->new(
    dir => "$dir/site",
    mx  => {
        port     => $mx_port,
        greeting => ['550 5.5.0 Service refuse. Veuillez essayer plus tard. service refused, please try later. LPN001_108',
            '554 5.7.1 Blocked'],
        script   => \%script,
        reply    => sub { $_[0] eq 'eod' && $_[1] eq 'whole@partner.test' ? '450 4.2.1 account closed' : undef },
    },
    main => {
        smtp_delivery_status_filter => "pcre:$dir/table.pcre",
        # As it is with an answer to EHLO: a refusal before any command is final.
        smtp_skip_5xx_greeting => 'no',
        transport_maps => 'inline:{ ' . join(', ', map { "{ $_.test = smtp:[" . $route{$_} =~ s/MX\z/$mx_port/r . ' }' } sort keys %route) . ' }',
    },
    conf => { 'local-rules-dir' => "$dir/rules.d" },
);

# recipient, status that Postfix takes it for, what it does
my @cases = (
    ['full@google.test',    '4.2.2',  'deferred'], ['rate@google.test',    '4.2.1',  'deferred'],
    ['none@google.test',    '5.1.1',  'bounced'],  ['auth@google.test',    '5.7.26', 'bounced'],
    ['quoting@google.test', '5.7.1',  'bounced'],  ['busy@google.test',    '4.2.1',  'deferred'],
    ['ok@google.test',      '2.0.0',  'sent'],     ['full@other.test',     '5.2.2',  'bounced'],
    ['liar@other.test',     '5.2.2',  'bounced'],  ['liar2@other.test',    '5.2.2',  'bounced'],
    ['closed@partner.test', '5.2.1',  'bounced'],  ['later@partner.test',  '4.2.1',  'deferred'],
    ['whole@partner.test',  '4.2.1',  'deferred'], ['x@early.test',        '4.5.0',  'deferred'],
    ['x@early2.test',       '5.7.1',  'bounced'],
);

subtest 'a real Postfix' => sub {
    my ($pf, $mx) = ($site->pf, $site->mx);
    my $sender = sub { $_[0] =~ s/\@/./r . '@example.net' };
    $site->submit($sender->($_->[0]), [$_->[0]], $site->message('test')) for @cases;
    for (@cases) {
        my ($rcpt, $dsn, $what) = @$_;
        is $pf->wait_log(qr/to=<\Q$rcpt\E>, .* (dsn=\S+, status=\w+)/), "dsn=$dsn, status=$what", $rcpt
            or diag $pf->log =~ /^.*to=<\Q$rcpt\E>.*$/m;
    }
    for (grep { $_->[2] eq 'bounced' } @cases) {
        my $dsn = $mx->message_to($sender->($_->[0]), 10);
        like $dsn ? $dsn->{data} : '', qr/^Status: \Q$_->[1]\E$/m, "$_->[0]: a report";
    }
    like $pf->log, qr/to=<full\@google\.test>.*\(host mx1\.google\.com\[127\.0\.0\.1\] said: 552 5\.2\.2 The email/,
        'the words stay what they were';
    my @kept = sort map { $_->[0] } grep { $_->[2] eq 'deferred' } @cases;
    is_deeply [sort map { $_->{address} } map { @{ $_->{recipients} } } grep { $_->{queue_name} eq 'deferred' } $pf->queue],
        \@kept, 'what was made temporary is in the queue';
    is_deeply [grep { $mx->message_to($sender->($_), 0) } @kept], [], '... and nobody was told of a failure';
    unlike $pf->log, qr/warning:.*(?:pcre|delivery_status_filter)/, 'no complaint about the table';
    is $site->event('closed@partner.test')->{decision}, 'suppress', 'a mailbox that is gone behind a 4xx is suppressed';
};

done_testing;
