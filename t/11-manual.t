#!/usr/bin/perl
# The manual says what the programs do: the same settings with the same
# defaults, the same categories, options, JSON fields and files.

use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use BM::Util qw(prog run slurp spew tempdir top);

my $man = top() . '/man';
my $dir = tempdir();
my %man = map { m{([^/]+)\.\d\z} => slurp($_) } glob "$man/*";
is_deeply [sort keys %man], [qw(bouncemilter bouncemilter-dump bouncemilter-rules bouncemilter-suppress bouncemilter.conf)],
    'the pages';

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

# "name = value" by name; those of a section as "section name".
sub by_name {
    my ($text) = @_;
    my (%value, $section);
    for (split /\n/, $text) {
        if    (/^category (\S+) \{/)        { $section = $1 }
        elsif (/^\}/)                       { undef $section }
        elsif (/^\s*([a-z-]+) = (.*)$/)     { $value{ (defined $section ? "$section " : '') . $1 } = $2 }
    }
    return %value;
}

my %default = by_name(settings($places));
my @settings   = grep { !/ / } sort keys %default;
my @categories = grep { defined } map { /^(\S+) action$/ ? $1 : undef } sort keys %default;
cmp_ok @settings, '>', 15, 'settings';
cmp_ok @categories, '>', 30, 'categories';

subtest 'bouncemilter.conf(5) has every setting with its default' => sub {
    my %page = $man{'bouncemilter.conf'} =~ /^\.It Ic ([a-z-]+) = (.+)$/mg;
    is_deeply [sort keys %page], \@settings, 'names';
    my %here = map { $_ => 1 } qw(rules-dir postfix-config state-dir table-dir own-clients own-domains);
    for (grep { !$here{$_} } @settings) {
        my $text = $page{$_} // '';
        $text = qq{"$1"} if $text =~ /^Qq\b ?(.*)/;
        is plain($text), plain($default{$_}), $_;
    }
    my @in_section = sort map { /^mailbox-full (\S+)/ ? $1 : () } keys %default;
    my ($section) = $man{'bouncemilter.conf'} =~ /^In the braces:\n(.*?)^\.El/ms;
    is_deeply [sort $section =~ /^\.It Ic (\S+)$/mg], \@in_section, 'settings of a category';
};

# 200/10m, 400d, 14d: the same span has several spellings.
sub plain {
    my ($value) = @_;
    my %unit = (s => 1, m => 60, h => 3600, d => 86400, K => 1024, M => 1 << 20, G => 1 << 30);
    $value =~ s{\b(\d+)([smhdKMG])\b}{$1 * $unit{$2} . ($2 =~ /[KMG]/ ? ' bytes' : ' seconds')}ge;
    return $value;
}

subtest 'and every category with its default' => sub {
    my %row = map { $_->[0] => $_ } map { [split / Ta /] } $man{'bouncemilter.conf'} =~ /^\.It ([a-z-]+ Ta .+)$/mg;
    is_deeply [sort keys %row], [sort @categories, 'local', 'unknown'], 'names';
    my %described = $man{'bouncemilter.conf'} =~ /^\.It ((?!.* Ta )[a-z-]+)\n(.+)$/mg;
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

subtest 'the shipped configuration has them too' => sub {
    my $shipped = slurp(top() . '/contrib/bouncemilter.conf');
    unlike $shipped, qr/^[^#\n]/m, 'all commented';
    my @named = $shipped =~ /^#([a-z-]+) = /mg;
    is_deeply [sort @named], \@settings, 'every setting';
    for (@named) {
        like $shipped, qr/^# [A-Z][^\n]*\.\n#\Q$_\E = /m, "$_ has one sentence";
    }
    my %unchanged = by_name(settings($shipped . $places));
    is_deeply \%unchanged, \%default, 'unchanged: the defaults';
    (my $used = $shipped) =~ s/^#(?=[a-z-]+ = |category |    |\})//mg;
    $used =~ s/^(?:rules-dir|postfix-config|state-dir|own-clients|own-domains) = .*\n//mg;
    my %used = by_name(settings($used . $places));
    is_deeply \%used, \%default, 'with every "#" taken away: the same';
};

for my $program (qw(bouncemilter bouncemilter-dump bouncemilter-suppress)) {
    subtest "options of $program" => sub {
        my ($status, $help) = run(prog($program), '--help');
        is $status, 0, '--help';
        my %help = map { $_ => 1 } map { /(?<![\w-])(-[A-Za-z]|--[a-z][a-z-]*)(?![\w-])/g } grep { /^  / } split /\n/, $help;
        my %page = map { $_ => 1 } map { map { "-$_" } /\bFl (\S+)/g } grep { /^\.It Fl/ } split /\n/, $man{$program};
        is_deeply [sort keys %page], [sort keys %help], 'manual and --help';
        my ($synopsis) = $man{$program} =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh/ms;
        for my $option (sort grep { /^--/ } keys %page) {
            my (undef, undef, $err) = run(prog($program), '-c', "$dir/none", $option, 'x');
            unlike $err, qr/unrecognized option|ambiguous/, "$option is known";
            like $synopsis, qr/ -?\Q@{[substr $option, 1]}\E\b/, "$option is in the synopsis"
                if $program ne 'bouncemilter' && $option !~ /^--(?:config|help|version)$/;
        }
    };
}

subtest 'JSON fields of bouncemilter-dump' => sub {
    mkdir "$dir/state";
    spew("$dir/conf", $places);
    my ($status, undef, $err) = run(prog('bouncemilter-suppress'), '-c', "$dir/conf", '--add', 'user@example.net',
        '--category', 'user-unknown', '--reason', 'test');
    is $status, 0, 'an entry' or diag $err;
    my @lists = $man{'bouncemilter-dump'} =~ /^\.Bl -tag -width "\w+" -compact\n(.*?)^\.El/msg;
    is @lists, 2, 'two lists in the manual';
    for (['suppression'], ['event', '--events']) {
        my ($what, @args) = @$_;
        my (undef, $out) = run(prog('bouncemilter-dump'), '-c', "$dir/conf", '--json', @args);
        my @fields = (shift @lists) =~ /^\.It (\w+)$/mg;
        is_deeply [sort keys %{ decode_json((split /\n/, $out)[0]) }], [sort @fields], $what;
    }
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
