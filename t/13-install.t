#!/usr/bin/perl
# "make install" puts everything in its place, and what is installed works;
# "make uninstall" leaves what belongs to the user and says what to undo.

use strict;
use warnings;
use File::Find qw(find);
use Test::More;
use BM::Util qw(run slurp spew tempdir top);

my $root = tempdir();
my @make = ('make', '-s', '-C', top(), "DESTDIR=$root");
my ($status, $out, $err) = run({ timeout => 300 }, @make, 'install');
is $status, 0, 'make install' or diag $out, $err;

sub mode { my @st = lstat "$root$_[0]"; return @st ? sprintf '%o', $st[2] & 07777 : 'missing' }

my @pages = map { s{.*/}{}r } glob top() . '/man/*';
my @rules = map { s{.*/}{}r } glob top() . '/rules/*.rules';
my %wanted = (
    (map { ("/usr/local/sbin/$_" => '755') } qw(bouncemilter bouncemilter-dump bouncemilter-suppress bouncemilter-web)),
    '/usr/local/bin/bouncemilter-classify' => '755',
    (map { ('/usr/local/share/man/man' . substr($_, -1) . "/$_" => '644') } @pages),
    (map { ("/usr/local/share/bouncemilter/rules/$_" => '644') } @rules, 'providers.list'),
    '/etc/bouncemilter/bouncemilter.conf'      => '644',
    '/lib/systemd/system/bouncemilter.service' => '644',
    '/lib/systemd/system/bouncemilter-web.service' => '644',
    (map { ("/usr/local/share/bouncemilter/$_" => '644') } qw(prometheus-alerts.yml grafana-dashboard.json)),
    '/usr/lib/tmpfiles.d/bouncemilter.conf'    => '644',
    '/usr/lib/sysusers.d/bouncemilter.conf'    => '644',
);
is mode($_), $wanted{$_}, $_ for sort keys %wanted;
is mode('/etc/bouncemilter/rules.d'), '755', 'a directory for the site\'s own rules';
my @found;
find({ no_chdir => 1, wanted => sub { push @found, substr $_, length $root if -f } }, $root);
is_deeply [sort @found], [sort keys %wanted], 'and nothing else';

subtest 'what is installed works' => sub {
    mkdir "$root/postfix";
    spew("$root/postfix/$_", '') for qw(main.cf master.cf);
    spew("$root/conf", qq{include("$root/etc/bouncemilter/bouncemilter.conf")\n}
        . qq{rules-dir = "$root/usr/local/share/bouncemilter/rules"\npostfix-config = "$root/postfix"\n});
    my ($status, $out, $err) = run("$root/usr/local/sbin/bouncemilter", '-t', '-c', "$root/conf");
    is $status, 0, 'the configuration is good' or diag $err;
    my $rules = 0;
    for (map { slurp("$root/usr/local/share/bouncemilter/rules/$_") } @rules) {
        $rules += grep { !/^\s*(?:#|scope\s|\z)/ } split /\n/;
    }
    like $out, qr/: good, $rules rules$/m, 'every rule is loaded';
    is((run("$root/usr/local/$_", '--version'))[0], 0, "$_ runs")
        for qw(sbin/bouncemilter sbin/bouncemilter-dump sbin/bouncemilter-suppress sbin/bouncemilter-web bin/bouncemilter-classify);
};

subtest 'places are those of the installation' => sub {
    my $unit = slurp("$root/lib/systemd/system/bouncemilter.service");
    like $unit, qr{^ExecStart=/usr/local/sbin/bouncemilter -f$}m, 'the unit starts it';
    unlike $unit, qr/^MemoryDenyWriteExecute/m, 'and lets PCRE2 make machine code';
    my @texts = grep { slurp("$root$_") !~ /\0/ } sort keys %wanted;
    cmp_ok @texts, '>', 10, 'there are texts';
    unlike slurp("$root$_"), qr/\@\w+\@/, "$_ has no place left open" for @texts;
    my $other = tempdir();
    my ($status, undef, $err) = run({ timeout => 300 }, 'make', '-s', '-C', top(), "DESTDIR=$other",
        'rulesdir=/opt/rules', 'sbindir=/opt/sbin', 'install');
    is $status, 0, 'another place' or diag $err;
    like slurp("$other/lib/systemd/system/bouncemilter.service"), qr{^ExecStart=/opt/sbin/bouncemilter -f$}m, 'unit';
    like slurp("$other$_"), qr{/opt/rules}, $_
        for '/etc/bouncemilter/bouncemilter.conf', '/usr/local/share/man/man5/bouncemilter.conf.5';
};

subtest 'the unit' => sub {
    my $unit = slurp("$root/lib/systemd/system/bouncemilter.service");
    $unit =~ s{^(ExecStart)=/}{$1=$root/}m;
    spew("$root/bouncemilter.service", $unit);
    my (undef, $out, $err) = run('systemd-analyze', 'verify', '--man=no', "$root/bouncemilter.service");
    is $out . $err, '', 'systemd-analyze verify';
    (undef, $out) = run('systemd-analyze', 'security', '--offline=true', "$root/bouncemilter.service");
    my ($exposure) = $out =~ /exposure level for \S+: (\d+\.\d)/;
    cmp_ok $exposure // 10, '<', 2, 'little is exposed';
    note "exposure $exposure";
};

subtest 'user, directories and links' => sub {
    mkdir "$root/etc";
    spew("$root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    spew("$root/etc/group",  "root:x:0:\nadm:x:4:\npostfix:x:4711:\n");
    my ($status, undef, $err) = run('systemd-sysusers', "--root=$root", "$root/usr/lib/sysusers.d/bouncemilter.conf");
    is $status, 0, 'systemd-sysusers' or diag $err;
    my ($uid) = slurp("$root/etc/passwd") =~ /^bouncemilter:[^:]*:(\d+):/m;
    ok $uid, 'the user';
    # A group that is not there is made: where there is no journal, say.
    like slurp("$root/etc/group"), qr/^$_:[^:]*:\d+:bouncemilter$/m, "may read what group $_ may read"
        for qw(adm systemd-journal);
    ($status, undef, $err) = run('systemd-tmpfiles', "--root=$root", '--create', 'bouncemilter.conf');
    is $status, 0, 'systemd-tmpfiles' or diag $err;
    for ('/var/lib/bouncemilter', '/var/spool/postfix/bouncemilter') {
        is mode($_), '2750', "$_: mode";
        is_deeply [(stat "$root$_")[4, 5]], [$uid, 4711], "$_: owner";
    }
    is readlink("$root/run/bouncemilter.sock"), '/var/spool/postfix/bouncemilter/milter.sock', 'link outside of the chroot';
    spew("$root/var/spool/postfix/bouncemilter/milter.sock", 'here');
    is slurp("$root/var/spool/postfix/run/bouncemilter.sock"), 'here', 'link inside';
    unlike readlink("$root/var/spool/postfix/run/bouncemilter.sock"), qr{^/}, 'which is relative';
};

subtest 'the snippets for Postfix, and the way back' => sub {
    my $conf = tempdir();
    my $postconf = sub { return run('/usr/sbin/postconf', '-c', $conf, @_) };
    my %part = map { $_ => slurp(top() . "/contrib/postfix-$_") } qw(main.cf master.cf);
    spew("$conf/main.cf", $part{'main.cf'});
    # All services, those that are only proposed too.
    spew("$conf/master.cf", $part{'master.cf'} =~ s/^#(?=\w+ +inet |    -o)//mgr);
    my ($status, $out, $err) = $postconf->('-n');
    is $status, 0, 'main.cf' or diag $err;
    is $err, '', 'without a warning';
    like $out, qr/^smtpd_milters = \{ unix:bouncemilter\/milter\.sock, default_action=accept, .*content_timeout=30s \}$/m, 'the milter';
    ($status, $out, $err) = $postconf->('-M');
    is $status . $err, '0', 'master.cf';
    is scalar(grep { /^(?:pickup|pcleanup) / } split /\n/, $out), 2, 'pickup and its cleanup';

    # The commands that uninstall-notes prints, as they are.
    my @undo = grep { !/ -[nP] \|/ } map { /^    (postconf .+)$/ ? $1 : () } split /\n/, (run(top() . '/contrib/uninstall-notes'))[1];
    is @undo, 4, 'commands to undo it';
    for (@undo) {
        my (undef, @args) = split;
        ($status, undef, $err) = $postconf->(@args);
        is $status, 0, $_ or diag $err;
    }
    my $main = ($postconf->('-n'))[1];
    unlike $main =~ s/^bulk_restrictions.*\n//mr, qr/bouncemilter/, 'nothing is left in main.cf but what the site added';
    unlike(($postconf->('-M'))[1], qr/^pcleanup|cleanup_service_name/m, 'nor in master.cf');
};

# The user's own.
my $mine = '/etc/bouncemilter/rules.d/mine.rules';
my $table = '/var/lib/bouncemilter/access.lmdb';
(run('mkdir', '-p', "$root/var/lib/bouncemilter"))[0] == 0 or die;
spew("$root$mine",  "# mine\n");
spew("$root$table", 'a table');
spew("$root/etc/bouncemilter/bouncemilter.conf", "# changed\n");
is((run({ timeout => 300 }, @make, 'install'))[0], 0, 'install once more');
is slurp("$root/etc/bouncemilter/bouncemilter.conf"), "# changed\n", 'keeps a changed configuration';

($status, $out, $err) = run(@make, 'uninstall');
is $status, 0, 'make uninstall' or diag $err;
is mode('/etc/bouncemilter/bouncemilter.conf'), '644', 'leaves the configuration';
ok -e "$root$_", "leaves $_" for $mine, $table;
my @left = grep { m{^/(?:usr|lib)/} && $_ !~ m{^/usr/lib/(?:sysusers|tmpfiles)\.d/(?!bouncemilter)} && -e "$root$_" } keys %wanted;
is_deeply \@left, [], 'and nothing else';
ok !-e "$root/usr/local/share/bouncemilter", 'not even an empty directory';
for (qw(smtpd_milters non_smtpd_milters internal_mail_filter_classes smtpd_recipient_restrictions transport_maps)) {
    like $out, qr/^    $_ +\S/m, "it says what to take out of $_";
}
like $out, qr/^    postconf -X smtpd_milters/m, 'and how';
like $out, qr/451/, 'and why first';

done_testing;
