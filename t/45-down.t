#!/usr/bin/perl
# The daemon away: stopped or killed in mid-session, hanging, never started, its
# state gone. Mail passes, reports are made, the tables go on refusing.

use strict;
use warnings;
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::SMTP;
use BM::Site;
use BM::Util qw(run slurp wait_for);
use Fcntl qw(F_RDLCK F_SETLK);
use Time::HiRes qw(time);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $site = BM::Site->new(
    main => { mynetworks => '127.0.0.1/32', relay_domains => 'example.net' },
    conf => { 'trusted-reporters' => ['127.0.0.2'] },
);
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);
my $n = 0;

# Mail passes through this site by every way, and what bounces is reported.
sub mail_passes {
    my ($s) = @_;
    $n++;
    for my $source ('127.0.0.1', '127.0.0.66') {
        for my $sender ('a@remote.test', '') {
            my $rcpt = 'pass' . ++$n . '@example.net';
            my $r = $s->submit($sender, [$rcpt], $s->message('x'), source => $source);
            like $r->{data}, qr/^250/, "SMTP from $source, <$sender>" or diag explain $r;
            ok $s->mx->message_to($rcpt, 10), 'delivered';
        }
    }
    my $r = $s->submit('', ['app@example.net'],
        $s->report(recipients => [{ final => "lost$n\@remote.test" }]), source => '127.0.0.2');
    like $r->{data}, qr/^250/, 'a report by SMTP';
    my ($status, $err) = $s->pf->sendmail('-f', "local$n\@example.net", "program$n\@remote.test", $s->message('x'));
    is $status, 0, 'sendmail' or diag $err;
    ok $s->mx->message_to("program$n\@remote.test", 10), 'delivered';
    $r = $s->submit("author$n\@example.net", ["b$n.550.5.1.1\@remote.test"], $s->message('x'));
    like $r->{data}, qr/^250/, 'mail that will bounce';
    my $dsn = $s->mx->message_to("author$n\@example.net", 10);
    ok $dsn, "Postfix's own report is made";
    unlike $s->pf->log, qr/bounce failed|can't reject|panic:|fatal:/, 'and Postfix is not in trouble';
    return;
}

sub refuses {
    my ($s, $address) = @_;
    like $s->rcpt_answer($address), qr/^550 5\.\d\.1 .*suppressed by bouncemilter/, "smtpd refuses $address";
    my $count = () = $s->pf->log =~ /status=bounced \(suppressed by bouncemilter/g;
    $s->pf->sendmail('-f', 'local@example.net', $address, $s->message('x'));
    ok wait_for(sub { $count < (() = $s->pf->log =~ /status=bounced \(suppressed by bouncemilter/g) }, 10),
        'and so does the transport table';
    return;
}

$site->send_each('app@example.net', 'dead.550.5.1.1@remote.test');
ok $site->wait_published('dead.550.5.1.1@remote.test'), 'something is suppressed to begin with';

# Sessions at every stage, of ordinary mail and of reports, from outside.
sub sessions {
    my @sessions;
    for my $stage (qw(connect mail rcpt data body)) {
        for my $kind (qw(ordinary report)) {
            my $smtp = BM::SMTP->new($pf->port, source => $kind eq 'report' ? '127.0.0.2' : '127.0.0.66');
            my $s = { smtp => $smtp, stage => $stage, kind => $kind, rcpt => 'open' . ++$n . '@example.net' };
            my $text = $kind eq 'report' ? $site->report(recipients => [{ final => "open$n\@remote.test" }])
                : $site->message('open') . ("a line of the text\n" x 5000);
            $s->{steps} = [
                [mail => sub { $smtp->say($kind eq 'report' ? 'MAIL FROM:<>' : 'MAIL FROM:<a@remote.test>') }, qr/^250/],
                [rcpt => sub { $smtp->say("RCPT TO:<$s->{rcpt}>") }, qr/^250/],
                [data => sub { $smtp->say('DATA') }, qr/^354/],
                [body => sub { $smtp->send(substr($text, 0, 500) =~ s/\n/\r\n/gr); 'sent' }, qr/^sent/],
                [end  => sub { $smtp->text(substr $text, 500) }, qr/^250/],
            ];
            push @sessions, $s;
            next if $stage eq 'connect';
            step($s) until ($s->{done} // '') eq $stage;
        }
    }
    return @sessions;
}

sub step {
    my ($s) = @_;
    my ($name, $do, $want) = @{ shift @{ $s->{steps} } };
    my $answer = $do->();
    $s->{done} = $name;
    push @{ $s->{wrong} }, "$name: $answer" if $answer !~ $want;
    return;
}

for my $end (qw(stop kill9)) {
    subtest "$end in mid-session" => sub {
        my @open = sessions();
        my $status = $daemon->$end;
        is $status, $end eq 'stop' ? 0 : 137, 'it ended';
        for my $s (@open) {
            step($s) while @{ $s->{steps} };
            is_deeply $s->{wrong} || [], [], "$s->{kind} mail, open at $s->{stage}: goes through";
            $s->{smtp}->quit;
        }
        ok $mx->message_to($_->{rcpt}, 10), "$_->{kind} mail, open at $_->{stage}: arrives" for @open;
    };

    subtest "while it is away after $end" => sub {
        mail_passes($site);
        refuses($site, 'dead.550.5.1.1@remote.test');
        is $site->published("b$n.550.5.1.1\@remote.test"), undef, 'nothing new is learned';
    };

    subtest "back after $end" => sub {
        $daemon->start;
        my $new = "new$end.550.5.1.1\@remote.test";
        $site->send_each('app@example.net', $new);
        is $site->event($new)->{decision}, 'suppress', 'it learns again, without a reload of Postfix';
        ok $site->wait_published($new), 'and publishes';
        my ($status, $out, $err) = $daemon->suppress('--verify');
        is "$status $out$err", "0 standings: right, tables: right\n", 'the books agree';
    };
}

subtest 'hanging' => sub {
    my $pid = $daemon->pid;
    kill 'STOP', $pid;
    my $r = $site->submit('a@remote.test', ['hang@example.net'], $site->message('x'), source => '127.0.0.66');
    like $r->{data}, qr/^250/, 'ordinary mail passes after the time-outs';
    like $site->rcpt_answer('dead.550.5.1.1@remote.test'), qr/^550 5\.1\.1 .*suppressed by bouncemilter/, 'the table refuses';
    kill 'CONT', $pid;
    $site->send_each('app@example.net', 'cont.550.5.1.1@remote.test');
    is $site->event('cont.550.5.1.1@remote.test')->{decision}, 'suppress', 'and it goes on';
};

# libmilter looks every five seconds whether it is to stop; sessions would wait.
subtest 'stopping wakes whoever waits for connections' => sub {
    my $took = 0;
    for (1 .. 6) {
        my $began = time;
        is $daemon->stop, 0, 'stopped';
        $took += time - $began;
        $daemon->start;
    }
    cmp_ok $took, '<', 20, 'six times in less than 20 s';
};

# Each session takes a descriptor.
subtest 'it may have as many descriptors as there may be' => sub {
    my $limits = sub { join ' ', slurp("/proc/$_[0]/limits") =~ /^Max open files +(\d+) +(\d+)/m };
    my ($soft, $hard) = split / /, $limits->($$);
    $daemon->stop;
    run('prlimit', "--pid=$$", '--nofile=200:');
    is $limits->($$), "200 $hard", 'few by the soft limit';
    $daemon->start;
    run('prlimit', "--pid=$$", "--nofile=$soft:");
    is $limits->($daemon->pid), "$hard $hard", 'all that the hard limit allows';
};

# As a reader has it who does not come to an end, in the layout of struct flock.
sub lock_table {
    my ($name) = @_;
    open my $fh, '+<', $daemon->state_dir . "/$name" or die "$name: $!\n";
    my $flock = pack 's s x4 q q i x4', F_RDLCK, 0, 0, 0, 0;
    fcntl $fh, F_SETLK, $flock or die "$name: $!\n";
    return $fh;
}

subtest 'somebody has locked a table' => sub {
    my $lock = lock_table('access.lmdb');
    my ($me, $late) = ($$, 'late.550.5.1.1@remote.test');
    $site->send_each('app@example.net', $late);
    is $site->event($late)->{decision}, 'suppress', 'it is recorded';
    ok $daemon->wait_log(qr{alert: \S+/access\.lmdb has been locked by process $me for 10 s}, 40), 'and the log says who';
    my $said = length $daemon->log;
    is $daemon->stop, 0, 'a clean end';
    like substr($daemon->log, $said), qr{alert: cannot publish.*/access\.lmdb is locked by process $me\b}, 'which says so';
    is $site->published($late), undef, 'it is not published';
    $daemon->start(40);
    like substr($daemon->log, $said), qr{warning: \S+/access\.lmdb is locked by process $me\b}, 'a start waits, but not for ever';
    is $daemon->stop, 0, 'another end';
    close $lock;
    $daemon->start;
    isnt $site->published($late), undef, 'the next start publishes it';
    my ($status, $out, $err) = $daemon->suppress('--verify');
    is "$status $out$err", "0 standings: right, tables: right\n", 'the books agree';
};

# The tool of LMDB writes as long as it reads.
subtest 'somebody has locked the store' => sub {
    my @held = map { "held$_.550.5.1.1\@remote.test" } 1, 2;
    $site->send_each('app@example.net', $held[0]);
    is $site->event($held[0])->{decision}, 'suppress', 'something is acknowledged';
    my $smtp = BM::SMTP->new($pf->port, source => '127.0.0.66');
    $smtp->say('MAIL FROM:<a@remote.test>');
    my $pid = open my $writer, '|-', 'mdb_load', '-n', '-s', 'meta', $daemon->state_dir . '/state.lmdb'
        or die "mdb_load: $!\n";
    $writer->autoflush;
    print {$writer} "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n";
    sleep 1;
    $site->submit('', ['app@example.net'], $site->report(recipients => [{ final => $held[1] }]),
        source => '127.0.0.2');
    my $said = length $daemon->log;
    is $daemon->stop, 1, 'it ends all the same';
    like substr($daemon->log, $said), qr/error: stopping takes too long/, 'and says so';
    like $smtp->say('RCPT TO:<open@example.net>'), qr/^250/, 'a session that was open goes on';
    $smtp->quit;
    kill 'KILL', $pid;
    close $writer;
    $daemon->start;
    is $site->event($held[0])->{decision}, 'suppress', 'what was acknowledged is there';
    my ($status, $out, $err) = $daemon->suppress('--verify');
    is "$status $out$err", "0 standings: right, tables: right\n", 'the books agree';
};

subtest 'its state is gone' => sub {
    is $daemon->stop, 0, 'stopped';
    unlink grep { !m{/(?:complaint-)?(?:access|transport)\.lmdb$} } glob $daemon->state_dir . '/*';
    mail_passes($site);
    refuses($site, 'dead.550.5.1.1@remote.test');
    $daemon->start;
    $site->send_each('app@example.net', 'fresh.550.5.1.1@remote.test');
    is $site->event('fresh.550.5.1.1@remote.test')->{decision}, 'suppress', 'a new start from nothing';
    ok $site->wait_published('fresh.550.5.1.1@remote.test'), 'publishes';
    my ($status, $out, $err) = $daemon->suppress('--verify');
    is "$status $out$err", "0 standings: right, tables: right\n", 'the books agree';
    is $site->rcpt_answer('ok@remote.test'), '250 2.1.5 Ok', 'and mail passes';
};

subtest 'a table is missing' => sub {
    is $daemon->stop, 0, 'stopped';
    unlink $daemon->state_dir . '/access.lmdb';
    my $said = length $daemon->log;
    $daemon->start;
    like substr($daemon->log, $said), qr{/access\.lmdb is missing: making it from the store}, 'said at the start';
    ok wait_for(sub { $site->rcpt_answer('fresh.550.5.1.1@remote.test') =~ /^550 5\.1\.1 .*suppressed/ }, 10), 'and made';
    is $daemon->stop, 0, 'a clean end';
};

subtest 'never started' => sub {
    my $never = BM::Site->new(daemon => 0, tables => 0, main => { mynetworks => '127.0.0.1/32', relay_domains => 'example.net' });
    mail_passes($never);
    is_deeply [glob $never->daemon->state_dir . '/*'], [], 'nothing was made';
};

done_testing;
