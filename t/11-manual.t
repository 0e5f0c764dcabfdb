#!/usr/bin/perl
# The manual says what the programs do: the same settings with the same
# defaults, the same categories, options, JSON fields and files.

use strict;
use warnings;
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use BM::Daemon;
use BM::Util qw(prog run slurp spew tempdir top wait_for);

my $man = top() . '/man';
my $dir = tempdir();
my %man = map { m{([^/]+)\.\d\z} => slurp($_) } glob "$man/*";
is_deeply [sort keys %man], [qw(bouncemilter bouncemilter-alerts bouncemilter-classify bouncemilter-dump bouncemilter-rules
    bouncemilter-suppress bouncemilter-web bouncemilter.conf)], 'the pages';

# A Postfix of which nothing is known, so that defaults are the same everywhere.
mkdir "$dir/postfix";
spew("$dir/postfix/$_", '') for qw(main.cf master.cf);
my $places = 'rules-dir = "' . top() . qq{/rules"\npostfix-config = "$dir/postfix"\nstate-dir = "$dir/state"\n}
    . "own-clients = { \"127.0.0.0/8\", \"::1\" }\nown-domains = { \"example.com\", \".example.com\" }\n";

sub settings {
    my ($conf) = @_;
    spew("$dir/conf", $conf);
    my ($status, $out, $err) = run(prog('bouncemilter'), '-p', '-c', "$dir/conf");
    is $status, 0, 'the configuration is good' or diag $err;
    return $out;
}

# "name = value" by name; those of a section as "section name", of an alert as
# "alert:section name".
sub by_name {
    my ($text) = @_;
    my (%value, $section);
    for (split /\n/, $text) {
        if    (/^(?:category )?((?:alert )?\S+) \{/) { $section = $1 =~ s/alert /alert:/r }
        elsif (/^\}/)                       { undef $section }
        elsif (/^\s*([a-z-]+) = (.*)$/)     { $value{ (defined $section ? "$section " : '') . $1 } = $2 }
    }
    return %value;
}

my %default = by_name(settings($places));
my @settings   = grep { !/ / } sort keys %default;
my @alerts     = grep { defined } map { /^alert:(\S+) enabled$/ ? $1 : undef } sort keys %default;
my @categories = grep { defined } map { /^(\S+) action$/ ? $1 : undef } sort keys %default;
cmp_ok @settings, '>', 15, 'settings';
cmp_ok @categories, '>', 30, 'categories';
cmp_ok @alerts, '>', 10, 'alerts';

# The settings of a section, sorted.
sub in_section { my ($name) = @_; return sort map { /^\Q$name\E (\S+)/ ? $1 : () } keys %default }

subtest 'bouncemilter.conf(5) has every setting with its default' => sub {
    my ($rest, $log) = ($man{'bouncemilter.conf'}, '');
    $log = $1 if $rest =~ s/^\.Ss The mail log\n(.*?)(?=^\.S[sh] )//ms;
    my %page = $rest =~ /^\.It Ic ([a-z-]+) = (.+)$/mg;
    is_deeply [sort keys %page], \@settings, 'names';
    my %log = $log =~ /^\.It Ic ([a-z-]+) = (.+)$/mg;
    is_deeply [sort keys %log], [in_section('log')], 'names in log';
    $page{"log $_"} = $log{$_} for keys %log;
    # The log that is found is printed as if it were set; so is who feeds the ledger.
    my %here = map { $_ => 1 } qw(rules-dir postfix-config state-dir table-dir own-clients own-domains
        signing-domains ledger), 'log file';
    for (grep { !$here{$_} } sort keys %page) {
        my $text = $page{$_} =~ s/\\\(dq/"/gr;
        $text = qq{"$1"} if $text =~ /^Qq\b ?(.*)/;
        is plain($text), plain($default{$_}), $_;
    }
    my ($section) = $man{'bouncemilter.conf'} =~ /^In the braces:\n(.*?)^\.El/ms;
    is_deeply [sort $section =~ /^\.It Ic (\S+)$/mg], [in_section('mailbox-full')], 'settings of a category';
};

# 200/10m, 400d, 14d: the same span has several spellings.
sub plain {
    my ($value) = @_;
    my %unit = (s => 1, m => 60, h => 3600, d => 86400, K => 1024, M => 1 << 20, G => 1 << 30);
    $value =~ s{\b(\d+)([smhdKMG])\b}{$1 * $unit{$2} . ($2 =~ /[KMG]/ ? ' bytes' : ' seconds')}ge;
    return $value;
}

subtest 'and every category with its default' => sub {
    my ($page) = $man{'bouncemilter.conf'} =~ /^\.Sh CATEGORIES\n(.*?)^\.Sh /ms;
    my %row = map { $_->[0] => $_ } map { [split / Ta /] } $page =~ /^\.It ([a-z-]+ Ta .+)$/mg;
    is_deeply [sort keys %row], [sort @categories, 'local', 'unknown'], 'names';
    my %described = $page =~ /^\.It ((?!.* Ta )[a-z-]+)\n(.+)$/mg;
    is_deeply [grep { !$described{$_} } sort keys %row], [], 'each is described';
    for my $name (@categories) {
        my ($action, $term) = @{ $row{$name} || [] }[2, 3];
        my %is = map { $_ => $default{"$name $_"} } qw(action count days within term table);
        my $want = $is{action} eq 'threshold' ? "threshold $is{count}/$is{days}/$is{within}" : $is{action};
        is $action, $want, "$name: action";
        my $long = $term eq '-' ? '30d' : $term eq 'never' ? '0s' : $term;
        is $is{term}, $long, "$name: term";
        is $is{table}, $name eq 'complaint' ? 'complaint' : 'main', "$name: table";
    }
    # The class is what the program says in its events.
    my $source = slurp(top() . '/milter/verdict.c');
    my %id    = $source =~ /\[(CATEGORY_\w+)\] = "([^"]+)"/g;
    my %class = $source =~ /\[(CATEGORY_\w+)\] = CLASS_(\w+)/g;
    is $row{ $id{$_} }[1], lc $class{$_}, "$id{$_}: class" for sort keys %id;
};

subtest 'and every setting of every alert' => sub {
    my ($page) = $man{'bouncemilter.conf'} =~ /^\.Sh ALERTS\n(.*?)^\.Sh /ms;
    my %row = map { s/\\-/-/gr =~ s/\n/ /gr } $page =~ /^\.It ([a-z-]+) Ta (.+?)(?=\n\.)/msg;
    is_deeply [sort keys %row], \@alerts, 'rules';
    my %used;
    for my $name (@alerts) {
        my %is = map { my ($setting) = /^alert:\Q$name\E (.+)/; $setting ? ($setting => plain($default{$_})) : () } keys %default;
        is delete $is{enabled}, 'yes', "$name is enabled";
        my %says = map { plain($_) =~ /^(\S+) (.+)$/ } split /, /, $row{$name};
        is_deeply \%says, \%is, $name;
        $used{$_} = 1 for 'enabled', keys %is;
    }
    my ($section) = $page =~ /^Each rule has some of these settings:\n(.*?)^\.El/ms;
    is_deeply [sort map { split / , / } $section =~ /^\.It Ic (.+)$/mg], [sort keys %used], 'each is described';
    my ($example) = $page =~ /^\.Bd -literal\n(.*?)^\.Ed/ms;
    my %changed = by_name(settings($places . $example));
    is plain($changed{'alert:complaint ratio'}), '0.2%', 'the example is good';
};

# How a manual writes a value in a sentence.
sub spelling {
    my ($value) = @_;
    return qr/(?<![\d.])\Q$1\E0? %/ if $value =~ /^([\d.]+)%$/;
    return qr/\b$value\b/ if plain($value) !~ /^(\d+) seconds$/;
    my ($number, $unit) = $1 % 3600 == 0 ? ($1 / 3600, 'hours?') : ($1 / 60, 'minutes?');
    return qr/\b$number $unit\b/;
}

subtest 'bouncemilter-alerts(7) has a section for every rule' => sub {
    my ($rules) = $man{'bouncemilter-alerts'} =~ /^\.Sh RULES\n(.*?)^\.Sh /ms;
    my %section = $rules =~ /^\.Ss (\S+)\n(.*?)(?=^\.Ss |\z)/msg;
    is_deeply [sort keys %section], \@alerts, 'sections';
    for my $name (@alerts) {
        my $text = $section{$name} // '';
        like $text, qr/^\.Em (?:\\&)?\Q$_\E\b/m, "$name: $_" for 'It fires', 'Look first', 'Do', 'Do not';
        for (grep { $_ ne 'enabled' } in_section("alert:$name")) {
            my $value = $default{"alert:$name $_"};
            like $text, spelling($value), "$name: $_ = $value";
        }
    }
};

subtest 'the commands in bouncemilter-alerts(7) exist' => sub {
    my $commands = 0;
    for ($man{'bouncemilter-alerts'} =~ /^(?:\.Ic |\.Dl )?(bouncemilter(?:-[a-z]+)? .*(?:Fl |--).*)$/mg) {
        my ($program) = /^(\S+)/;
        my $help = (run(prog($program), '--help'))[1];
        like $help, qr/ \Q$_\E\b/, "$program $_" for map { s/^Fl /-/r } /(Fl \S+|(?<= )--[a-z-]+)/g;
        $commands++;
    }
    cmp_ok $commands, '>', 10, 'commands';
};

subtest 'the shipped configuration has them too' => sub {
    my $shipped = slurp(top() . '/contrib/bouncemilter.conf');
    unlike $shipped, qr/^[^#\n]/m, 'all commented';
    my @named = $shipped =~ /^#([a-z-]+) = /mg;
    is_deeply [sort @named], \@settings, 'every setting';
    for (@named) {
        like $shipped, qr/^# [A-Z][^\n]*\.\n#\Q$_\E = /m, "$_ has one sentence";
    }
    for my $section ('log', 'category mailbox-full', 'alert auth') {
        my ($text) = $shipped =~ /^#\Q$section\E \{\n((?:#    .*\n)+)#\}\n/m;
        is_deeply [sort +($text // '') =~ /^#    ([a-z-]+) = /mg], [in_section($section =~ s/category //r =~ s/ /:/r)], "every setting of $section";
    }
    my %unchanged = by_name(settings($shipped . $places));
    is_deeply \%unchanged, \%default, 'unchanged: the defaults';
    (my $used = $shipped) =~ s/^#(?=[a-z-]+ = |log |category |alert |    |\})//mg;
    $used =~ s/^(?:rules-dir|postfix-config|state-dir|own-clients|own-domains|signing-domains|ledger) = .*\n//mg;
    my %used = by_name(settings($used . $places));
    is_deeply \%used, \%default, 'with every "#" taken away: the same';
};

for my $program (qw(bouncemilter bouncemilter-classify bouncemilter-dump bouncemilter-suppress bouncemilter-web)) {
    subtest "options of $program" => sub {
        my ($status, $help) = run(prog($program), '--help');
        is $status, 0, '--help';
        is_deeply [grep { length > 79 } split /\n/, $help], [], 'fits into 80 columns';
        my %help = map { $_ => 1 } map { /(?<![\w-])(-[A-Za-z]|--[a-z][a-z-]*)(?![\w-])/g } grep { /^  / } split /\n/, $help;
        my %page = map { $_ => 1 } map { map { "-$_" } /\bFl (\S+)/g } grep { /^\.It Fl/ } split /\n/, $man{$program};
        is_deeply [sort keys %page], [sort keys %help], 'manual and --help';
        my ($synopsis) = $man{$program} =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh/ms;
        for my $option (sort grep { /^--/ } keys %page) {
            my (undef, undef, $err) = run(prog($program), '-c', "$dir/none", $option, 'x');
            unlike $err, qr/unrecognized option|ambiguous/, "$option is known";
            like $synopsis, qr/ -?\Q@{[substr $option, 1]}\E\b/, "$option is in the synopsis"
                if $program !~ /^bouncemilter(?:-web)?$/ && $option !~ /^--(?:config|help|version)$/;
        }
    };
}

# A line of a log, of this hour.
my $line = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) . ' mta postfix/smtp[1]: ABCDEF12345: to=<gone@example.org>,'
    . ' relay=mx.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced'
    . " (host mx.example.org[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n";

# The fields of every list of a page, in its order.
sub fields {
    my ($page) = @_;
    return map { [/^\.It (\w+)$/mg] } $man{$page} =~ /^\.Bl -tag -width "\w+" -compact\n(.*?)^\.El/msg;
}

subtest 'JSON fields of bouncemilter-dump' => sub {
    mkdir "$dir/state";
    spew("$dir/conf", $places);
    my ($status, undef, $err) = run(prog('bouncemilter-suppress'), '-c', "$dir/conf", '--add', 'user@example.net',
        '--category', 'user-unknown', '--reason', 'test');
    is $status, 0, 'an entry' or diag $err;
    my @lists = fields('bouncemilter-dump');
    is @lists, 5, 'lists in the manual';    # the last one, of incidents: t/73-incidents.t
    for (['suppression'], ['event', '--events']) {
        my ($what, @args) = @$_;
        my (undef, $out) = run(prog('bouncemilter-dump'), '-c', "$dir/conf", '--json', @args);
        is_deeply [sort keys %{ decode_json((split /\n/, $out)[0]) }], [sort @{ $lists[ $what eq 'event' ? 2 : 1 ] }], $what;
    }
    # Rates, and replies of servers, come from the daemon alone.
    my $place  = tempdir();
    my $daemon = BM::Daemon->new(dir => $place, log => "$place/maillog", args => ['--backfill']);
    spew("$place/maillog", $line . $line =~ s/5\.1\.1 User unknown/Odd/r =~ s/ABC/DEF/r =~ s/dsn=5.1.1/dsn=5.0.0/r);
    $daemon->start;
    ok wait_for(sub { $daemon->dump_json('--rates', '--since', '8d') }, 10), 'a line of a log is in the rates';
    is_deeply [sort keys %{ ($daemon->dump_json('--rates', '--since', '8d'))[0] }], [sort @{ $lists[0] }], 'a rate';
    ok wait_for(sub { $daemon->dump_json('--unknown') }, 10), 'a text that no rule knows';
    is_deeply [sort keys %{ ($daemon->dump_json('--unknown'))[0] }], [sort @{ $lists[3] }], '... and its fields';
    $daemon->stop;
};

subtest 'JSON fields of bouncemilter-classify' => sub {
    my ($common, @lists) = fields('bouncemilter-classify');
    is @lists, 4, 'lists in the manual';
    my ($message, $recipient, $log, $reply) = map { [sort @$_] } @lists;
    my $answer = sub {
        my ($input, @args) = @_;
        my ($status, $out, $err) = run({ stdin => $input }, prog('bouncemilter-classify'), '-j', '-r', top() . '/rules', @args);
        is $status . $err, '0', "@args";
        return decode_json($out);
    };
    my $told = $answer->(slurp(top() . '/t/corpus/crlf.eml'));
    is_deeply [sort keys %$told], $message, 'a message';
    is_deeply [sort keys %{ $told->{recipients}[0] }], [sort @$recipient, @$common], 'its recipient';
    is_deeply [sort keys %{ $answer->($line, '--log') }], [sort @$log, @$common], 'a line of a log';
    is_deeply [sort keys %{ $answer->("550 5.1.1 User unknown\n", '--replies') }], [sort @$reply, @$common], 'a reply';
};

{
    my (undef, $out, $err) = run('mandoc', '-T', 'lint', '-W', 'warning', glob "$man/*");
    is $out . $err, '', 'mandoc finds nothing';
}

# What other pages name exists, and the example tables are those of the program.
my $unit = slurp(top() . '/contrib/bouncemilter.service');
like $man{bouncemilter}, qr/^\.It Dv SIGUSR1$/m, 'the signal of the unit is in the manual' if $unit =~ /kill -USR1/;
like $man{bouncemilter}, qr/\Q$_\E/, "$_ is in the manual"
    for map {"$_.lmdb"} slurp(top() . '/milter/store/table_content.c') =~ /^\t\{ "([\w-]+)", TABLE_/mg;
like slurp(top() . "/$_"), qr/content_timeout=30s/, "$_ recommends the same milter line"
    for qw(man/bouncemilter.8 contrib/postfix-main.cf milter/advice.c);

done_testing;
