#!/usr/bin/perl
# The way to the socket: smtpd_milters = unix:/run/bouncemilter.sock as it is
# typed, for services in the chroot and outside; and who may sit at the socket.
#
# $typed stands for /run/bouncemilter.sock here: a service in the chroot looks
# for it below the queue directory.

use strict;
use warnings;
use File::Path qw(make_path);
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::SMTP;
use BM::Site;
use BM::Util qw(prog run slurp spew wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $site = BM::Site->new(
    daemon  => 0,
    main    => { mynetworks => '127.0.0.1/32', relay_domains => 'example.net', smtpd_milters => '', non_smtpd_milters => '' },
    postfix => { services => [{ chroot => 1 }, { chroot => 0 }] },
);
my ($dir, $mx, $pf, $daemon) = ($site->dir, $site->mx, $site->pf, $site->daemon);
my $queue  = $pf->queue_dir;
my $typed  = "$dir/run/bouncemilter.sock";
my $inside = "$queue$typed";                    # what a chrooted service sees as $typed
my $run    = $inside =~ s{/[^/]+\z}{}r;
my $up     = '../' x (($typed =~ tr{/}{}) - 1); # from there to the queue directory
my $uid    = getpwnam 'nobody';
my $gid    = getgrnam 'postfix';
make_path("$dir/run", $run);
my $n = 0;

sub setgid_directory {
    my ($path, $mode) = @_;
    make_path($path);
    chown $uid, $gid, $path;
    chmod $mode, $path;
    return;
}

sub links {
    my (%link) = @_;
    for my $at (sort keys %link) {
        unlink $at;
        symlink $link{$at}, $at or die "$at: $!\n";
    }
    return;
}

sub milters {
    my ($milter, $how) = @_;
    my $value = $how eq 'bare' ? $milter : "{ $milter, default_action=accept }";
    $pf->set(smtpd_milters => $value, non_smtpd_milters => $value);
    $pf->reload;
    return;
}

# A stranger's report leaves a trace if it reaches the daemon. Returns the
# address that is in it.
sub trace {
    my ($way) = @_;
    my $victim = 'trace' . ++$n . '@remote.test';
    my $report = $site->report(recipients => [{ final => $victim }]);
    if ($way eq 'sendmail') { $pf->sendmail('-f', '', 'app@example.net', $report) }
    else {
        my $r = $site->submit('', ['app@example.net'], $report, source => '127.0.0.66',
            port => $pf->port($way eq 'chrooted' ? 0 : 1));
        like $r->{data}, qr/^250/, "$way: mail passes";
    }
    return $victim;
}

sub found {
    my ($victim) = @_;
    return wait_for(sub { scalar $site->unverified('--address', $victim) }, 3) ? 'yes' : 'no';
}

sub reaches { return found(trace($_[0])) }

sub works_everywhere {
    my @ways = qw(chrooted unchrooted sendmail);
    my %victim = map { $_ => trace($_) } @ways;
    is found($victim{$_}), 'yes', "$_: reaches the daemon" for @ways;
    return;
}

sub socket_is {
    my ($path, $mode, $what) = @_;
    my @st = lstat $path or return fail "$path: $!";
    ok -S _, "$what: a socket, no link";
    is sprintf('%o', $st[2] & 07777), $mode, "$what: mode";
    is $st[4], $uid, "$what: owner";
    is $st[5], $gid, "$what: group";
    return;
}

subtest 'as packaged: links to bouncemilter/milter.sock' => sub {
    # The one inside is relative: the root of the chroot is another one.
    links($typed => "$queue/bouncemilter/milter.sock", $inside => "${up}bouncemilter/milter.sock");
    $daemon->start;
    socket_is("$queue/bouncemilter/milter.sock", '770', 'milter.sock');
    milters("unix:$typed", 'bare');
    works_everywhere();
    milters("unix:$typed", 'long');
    works_everywhere();
    ok -l $typed && -l $inside, 'the links are links still';
    my (%id) = slurp('/proc/' . $daemon->pid . '/status') =~ /^(Uid|Gid):\s+(\d+)/mg;
    is $id{Uid}, $uid, 'the daemon has given up being root';
};

subtest 'the name relative to the queue directory' => sub {
    milters('unix:bouncemilter/milter.sock', 'long');
    works_everywhere();
};

subtest 'an absolute link inside the chroot does not work' => sub {
    links($inside => "$queue/bouncemilter/milter.sock");
    milters("unix:$typed", 'long');
    is reaches('chrooted'), 'no', 'not found there';
    is reaches('unchrooted'), 'yes', 'but outside';
    ok $pf->wait_log(qr/connect to Milter service unix:\Q$typed\E: No such file or directory/), 'Postfix says so';
};

subtest 'the directory of the link is the one of the socket' => sub {
    is $daemon->stop, 0, 'stopped';
    ok !-e "$queue/bouncemilter/milter.sock", 'its socket is gone with it';
    unlink $inside;
    setgid_directory($run, 02755);
    links($typed => $inside);
    $daemon->configure({ socket => "unix:$inside" })->start;
    socket_is($inside, '770', 'socket');
    milters("unix:$typed", 'bare');
    works_everywhere();
};

subtest 'a directory below that of the link' => sub {
    is $daemon->stop, 0, 'stopped';
    chown 0, 0, $run;
    chmod 0755, $run;
    setgid_directory("$run/bouncemilter", 02750);
    links($inside => 'bouncemilter/bouncemilter.sock', $typed => $inside);
    # What people would write: the path that they know, a link to a link.
    $daemon->configure({ socket => "unix:$typed" })->start;
    socket_is("$run/bouncemilter/bouncemilter.sock", '770', 'the real path is bound');
    is readlink $typed,  $inside, 'the link outside stays';
    is readlink $inside, 'bouncemilter/bouncemilter.sock', 'the link inside stays';
    milters("unix:$typed", 'bare');
    works_everywhere();
};

sub inode { return (stat $_[0])[1] // 'none' }

# Start a daemon that has to refuse: its status and words.
sub refuses {
    my (%conf) = @_;
    my $other = BM::Daemon->new(dir => "$dir/second", conf => \%conf);
    my ($status, undef, $err) = run({ timeout => 20 }, prog('bouncemilter'), '-f', '-c', $other->conf_file);
    return "$status $err";
}

subtest 'a second instance' => sub {
    mkdir "$dir/second";
    my $real   = "$run/bouncemilter/bouncemilter.sock";
    my $before = inode($real);
    for my $socket ("unix:$typed", "unix:$inside", "unix:$real", "local:$real") {
        like refuses(socket => $socket), qr/^73 bouncemilter: .*\Q$real\E is in use by another bouncemilter: /,
            "$socket: refuses to start";
    }
    like refuses('state-dir' => $daemon->state_dir), qr/^73 bouncemilter: .*\Q$dir\E\/state is in use by another bouncemilter: /,
        'the same state directory: refuses to start';
    is inode($real), $before, 'the socket is that of the first';
    ok $daemon->alive, 'which runs on';
    is reaches('chrooted'), 'yes', 'and is reached';
};

subtest 'a socket that a killed daemon left' => sub {
    my $real = "$run/bouncemilter/bouncemilter.sock";
    is $daemon->kill9, 137, 'killed';
    ok -S $real, 'its socket is still there';
    $daemon->start;
    socket_is($real, '770', 'the new one');
    works_everywhere();
};

subtest 'what else may be there' => sub {
    mkdir "$dir/second/sockets";
    chmod 0777, "$dir/second/sockets";
    my $path = "$dir/second/sockets/s";
    spew($path, "precious\n");
    like refuses(socket => "unix:$path"), qr/^73 bouncemilter: .*\Q$path\E: there is something that is not a socket/, 'a file';
    is slurp($path), "precious\n", 'stays';
    links("$path.link" => $path);
    like refuses(socket => "unix:$path.link"), qr/^73 .*\Q$path\E: there is something that is not a socket/, 'a link to a file';
    is slurp($path), "precious\n", 'stays';
    links("$path.loop" => "$path.loop");
    like refuses(socket => "unix:$path.loop"), qr/^73 .*\Q$path\E\.loop: too many links/, 'a link to itself';
    like refuses(socket => "unix:$dir/second"), qr/^73 .*not a socket/, 'a directory';
    like refuses(socket => 'somewhere'), qr/^7[38] bouncemilter: .*"somewhere"/s, 'no socket at all';
    like refuses(socket => "unix:$dir/" . 'x' x 120), qr/^7[38] bouncemilter: /, 'a path that is too long';
};

is $daemon->stop, 0, 'a clean end';
done_testing;
