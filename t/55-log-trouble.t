#!/usr/bin/perl
# Trouble with the mail log: it is missing, cannot be read, is a directory, says
# nothing; the clock steps back; the store is full; `postfix logrotate` makes a
# file that nobody may read. Mail goes on, a person is told once and what to do,
# and afterwards nothing is lost and nothing double.
#
# What makes this test fail: a new file that cannot be opened taken for none
# (logtail.c), a place that is forgotten because the file could not be opened,
# a warning after the first mail of a quiet night (follower.c).

use strict;
use warnings;
use Errno qw(ENOSPC);
use File::Path qw(make_path);
use Test::More;
use BM::Clock;
use BM::Daemon;
use BM::Load;
use BM::MailLog;
use BM::Postfix;
use BM::Site;
use BM::Util qw(prog spew tempdir wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $number = 0;

# A daemon with a log of its own, which is not there yet.
sub world {
    my (%env) = @_;
    my $dir   = tempdir();
    my $clock = BM::Clock->new(dir => $dir);
    mkdir "$dir/log";
    my $file = "$dir/log/mail.log";
    my $d    = {
        dir    => $dir,
        clock  => $clock,
        file   => $file,
        log    => BM::MailLog->new(file => $file),
        want   => [],
        daemon => BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir), log => $file, env => { %{ $clock->env }, %env }),
    };
    return $d;
}

# One more failure in the log.
sub failure {
    my ($d, %opt) = @_;
    my $address = 'gone' . ++$number . '@remote.test';
    push @{ $d->{want} }, $address;
    $d->{log}->add($address, 'gone', %opt);
    return $address;
}

sub recorded {
    my ($d) = @_;
    my @addresses = sort map { $_->{recipient} } grep { $_->{source} eq 'log' } $d->{daemon}->dump_json('--events');
    return @addresses;
}

# All that the log said, each once.
sub nothing_lost {
    my ($d, $name) = @_;
    my @want = sort @{ $d->{want} };
    wait_for(sub { (() = recorded($d)) >= @want }, 20);
    is_deeply [recorded($d)], \@want, "$name: nothing is lost, nothing is double";
    my ($attempts) = $d->{daemon}->dump('--counters') =~ /^attempts_total\{outcome="failed"\} +(\d+)$/m;
    is $attempts, scalar @want, "$name: every attempt is counted once";
    return;
}

sub mail_goes_on {
    my ($d, $name) = @_;
    for my $kind (qw(mail report)) {
        my $load = BM::Load->run($d->{daemon}, dir => $d->{dir}, m => $kind, k => 1, n => 1, f => ++$number);
        is scalar($load->answered('accept')), 1, "$name: $kind passes";
    }
    return;
}

sub said {
    my ($d, $re) = @_;
    my $count = () = $d->{daemon}->log =~ /$re/g;
    return $count;
}

# Told once, with the remedy; mail goes on; repaired, it goes on by itself.
sub trouble {
    my ($d, $name, $sentence, $repair) = @_;
    my $alert = qr/alert: the mail log cannot be read, what it tells is missing: $sentence$/m;
    ok $d->{daemon}->wait_log($alert), "$name: told" or diag $d->{daemon}->log;
    mail_goes_on($d, $name);
    my $before = said($d, qr/: reading it again$/m);
    $repair->();
    ok wait_for(sub { said($d, qr/: reading it again$/m) > $before }, 10), "$name: it notices that it can be read";
    is said($d, $alert), 1, "$name: it was told once";
    nothing_lost($d, $name);
    return;
}

subtest 'missing at the start' => sub {
    my $d = world();
    $d->{daemon}->start;
    trouble($d, 'missing', qr/\Q$d->{file}\E: No such file or directory: set log in bouncemilter\.conf to where the mail log is/,
        sub { failure($d) for 1 .. 3 });
    failure($d);
    nothing_lost($d, 'goes on');
    $d->{daemon}->kill9;
};

subtest 'of root alone' => sub {
    my $d = world();
    spew($d->{file}, '');
    chmod 0600, $d->{file};
    $d->{daemon}->start;
    failure($d) for 1 .. 3;
    trouble($d, '0600', qr/\Q$d->{file}\E: Permission denied: its mode is 0600; let syslog write the log, or set maillog_file_permissions in Postfix 3\.9 or later/,
        sub { chmod 0644, $d->{file} });
    # Not from its beginning a second time.
    $d->{daemon}->kill9;
    chmod 0600, $d->{file};
    failure($d) for 1 .. 3;
    $d->{daemon}->start;
    ok wait_for(sub { said($d, qr/Permission denied: its mode is 0600/) == 2 }, 10), 'started again: told again';
    chmod 0644, $d->{file};
    nothing_lost($d, 'started again');
    is said($d, qr/lines of it are lost/), 0, 'and it says so';
    $d->{daemon}->kill9;
};

subtest 'of a group that the daemon is not in' => sub {
    my $d = world();
    spew($d->{file}, '');
    chown 0, scalar getgrnam('adm'), $d->{file} or die "$!\n";
    chmod 0640, $d->{file};
    $d->{daemon}->start;
    failure($d);
    trouble($d, '0640', qr/\Q$d->{file}\E: Permission denied: put user nobody into group adm and start again/,
        sub { chmod 0644, $d->{file} });
    $d->{daemon}->kill9;
};

subtest 'in a directory of root alone' => sub {
    my $d = world();
    failure($d);
    chmod 0700, "$d->{dir}/log";
    $d->{daemon}->start;
    trouble($d, 'directory', qr/\Q$d->{file}\E: Permission denied: let user nobody enter its directory/,
        sub { chmod 0755, "$d->{dir}/log" });
    $d->{daemon}->kill9;
};

subtest 'a directory in its place' => sub {
    my $d = world();
    make_path($d->{file});
    $d->{daemon}->start;
    trouble($d, 'directory', qr/\Q$d->{file}\E: Is a directory: set log in bouncemilter\.conf to where the mail log is/,
        sub { rmdir $d->{file}; failure($d) for 1 .. 3 });
    $d->{daemon}->kill9;
};

subtest 'rotated to a file of root alone' => sub {
    my $d = world();
    spew($d->{file}, '');
    $d->{daemon}->start;
    failure($d) for 1 .. 3;
    nothing_lost($d, 'before');
    rename $d->{file}, "$d->{file}.1";
    spew($d->{file}, '');
    chmod 0600, $d->{file};
    failure($d) for 1 .. 3;
    trouble($d, 'new file', qr/\Q$d->{file}\E: Permission denied: its mode is 0600; .*/, sub { chmod 0644, $d->{file} });
    $d->{daemon}->kill9;
};

subtest 'silent for ten minutes' => sub {
    my $d = world();
    my $mail    = sub { BM::Load->run($d->{daemon}, dir => $d->{dir}, m => 'mail', k => 1, n => 1, f => ++$number) };
    my $warning = qr/warning: \Q$d->{file}\E says nothing for ten minutes, although mail goes by: set log in bouncemilter\.conf to where the mail log is, and see that the daemon may read it$/m;
    # The thread that looks is the one that reloads: after the second time it has looked.
    my $tick = sub {
        for (1, 2) {
            my $before = said($d, qr/configuration read again/);
            $d->{daemon}->reload;
            wait_for(sub { said($d, qr/configuration read again/) > $before });
        }
    };
    my $time = 0;
    my $pass = sub { $d->{clock}->set(0, $time += $_[0]) };
    spew($d->{file}, '');
    $d->{daemon}->start;
    $pass->(3600);
    $mail->();
    $tick->();
    is said($d, $warning), 0, 'the first mail after an hour without any: no warning';
    $pass->(540);
    $mail->();
    $tick->();
    is said($d, $warning), 0, 'nor nine minutes later';
    $pass->(61);
    $mail->();
    ok $d->{daemon}->wait_log($warning), 'a minute later, it is';
    $pass->(601);
    $mail->();
    $tick->();
    is said($d, $warning), 1, 'once';
    failure($d);
    nothing_lost($d, 'a line after all');
    $pass->(1);
    $mail->();
    $tick->();
    $pass->(601);
    $mail->();
    ok wait_for(sub { said($d, $warning) == 2 }, 10), 'silent again: said again';
    $d->{daemon}->kill9;
};

subtest 'the clock steps back an hour' => sub {
    my $d = world();
    spew($d->{file}, '');
    $d->{daemon}->start;
    failure($d) for 1 .. 3;
    nothing_lost($d, 'before');
    $d->{clock}->set(-3600);
    my $time = time - 3600;
    failure($d, time => $time) for 1 .. 3;
    nothing_lost($d, 'after');
    # An hour that comes twice, and a rotation in it.
    rename $d->{file}, "$d->{file}.1";
    failure($d, time => $time) for 1 .. 3;
    nothing_lost($d, 'rotated');
    $d->{daemon}->kill9;
    failure($d, time => $time) for 1 .. 3;
    $d->{daemon}->start;
    nothing_lost($d, 'started again');
    # The stamps of the other form have no year, and are ahead of the clock now.
    my @month = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
    my @now   = localtime;
    my $stamp = sprintf '%s %2d %02d:%02d:%02d', $month[$now[4]], @now[3, 2, 1, 0];
    my $address = 'ahead@remote.test';
    $d->{log}->append($d->{log}->lines($address, 'gone') =~ s/^\S+/$stamp/gmr);
    push @{ $d->{want} }, $address;
    nothing_lost($d, 'ahead of the clock');
    my ($e) = $d->{daemon}->dump_json('--events', '--address', $address);
    is substr($e->{time}, 0, 4), 1900 + $now[5], 'and it is this year';
    my (undef, $out) = $d->{daemon}->suppress('--verify');
    is $out, "standings: right, tables: right\n", 'verified';
    $d->{daemon}->kill9;
};

# What t/lib/faults-preload.c knows: files of the store; writes and syncs.
my $FIELDS = 8;
sub faults {
    my ($file, $first) = @_;
    open my $fh, '+<:raw', $file or die "$file: $!\n";
    print {$fh} pack "L$FIELDS", 1, 1 | 2, ENOSPC, $first, 0, 0, 0, 0;
    close $fh or die "$!\n";
    return;
}

subtest 'no space for the store' => sub {
    my $faults = tempdir() . '/faults';
    spew($faults, pack "L$FIELDS", (0) x $FIELDS);
    my $d = world(BM_FAULTS => $faults);
    $d->{daemon}{env}{LD_PRELOAD} .= ' ' . prog('t/lib/faults-preload.so');
    spew($d->{file}, '');
    $d->{daemon}->start;
    failure($d) for 1 .. 3;
    nothing_lost($d, 'before');
    my $alert = qr/alert: \Q$d->{file}\E: what it tells cannot be stored, reading waits$/m;
    for my $round (1, 2) {
        faults($faults, 1);
        failure($d) for 1 .. 3;
        ok wait_for(sub { said($d, $alert) == $round }, 15), 'full: told' or diag $d->{daemon}->log;
        failure($d) for 1 .. 3;
        my $load = BM::Load->run($d->{daemon}, dir => $d->{dir}, m => 'mail', k => 1, n => 1, f => ++$number);
        is scalar($load->answered('accept')), 1, 'mail passes';
        is scalar(recorded($d)), @{ $d->{want} } - 6, 'nothing is recorded';
        if ($round == 2) {
            $d->{daemon}->kill9;
            $d->{daemon}{env}{BM_FAULTS} = '/nonexistent';
            $d->{daemon}->start;
        }
        else { faults($faults, 0) }
        nothing_lost($d, $round == 1 ? 'when there is room' : 'killed meanwhile');
        is said($d, qr/: storing what it tells again$/m), 1, 'and it was told that it goes on';
    }
    my (undef, $out) = $d->{daemon}->suppress('--verify');
    is $out, "standings: right, tables: right\n", 'verified';
    $d->{daemon}->kill9;
};

subtest 'postfix logrotate' => sub {
    my $site = BM::Site->new(log => 'default', postfix => { separate_pickup => 1 });
    my ($pf, $daemon) = ($site->pf, $site->daemon);
    my $attempts = sub { $site->wait_counter(qr/^attempts_total\{outcome="failed"/, $_[0]) };
    $site->send_each('app@example.net', 'a.550.5.1.1@remote.test');
    is $attempts->(1), 1, 'the log is read';
    my ($status, $out, $err) = $pf->command('postfix', 'logrotate');
    is $status, 0, 'rotated' or diag $err;
    $site->send_each('app@example.net', 'b.550.5.1.1@remote.test');
    ok $pf->wait_log(qr/to=<b\.550/), 'Postfix writes to the new file';
    my $mode = (stat $pf->maillog)[2] & 07777;
    my $alert = qr/alert: .*\Q@{[$pf->maillog]}\E: Permission denied: its mode is 0600; let syslog write the log, or set maillog_file_permissions/;
    if ($mode & 04) { unlike $daemon->log, $alert, 'and it can be read' }
    else {
        ok $daemon->wait_log($alert), sprintf 'it has mode %04o, which is told', $mode or diag $daemon->log;
        is $site->event('b.550.5.1.1@remote.test')->{source}, 'local', "Postfix's own reports still act";
        chmod 0644, $pf->maillog;
        ok $daemon->wait_log(qr/: reading it again$/m), 'made readable';
    }
    $site->send_each('app@example.net', 'c.550.5.1.1@remote.test');
    is $attempts->(3), 3, 'nothing is lost';
    is $site->events("$_.550.5.1.1\@remote.test"), 1, "one event of $_" for qw(a b c);
    is $daemon->stop, 0, 'a clean end';
};

done_testing;
