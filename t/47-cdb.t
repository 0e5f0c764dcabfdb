#!/usr/bin/perl
# table-type = cdb: the main job with CDB tables at a real Postfix; what it is
# like while the daemon is away, when the disk is full, with both types, and when
# the type is changed.

use strict;
use warnings;
use Errno qw(ENOSPC);
use POSIX ();
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::Site;
use BM::Util qw(prog run slurp spew wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $site = BM::Site->new(type => 'cdb', conf => { 'table-type' => 'cdb' },
    main => { mynetworks => '127.0.0.1/32', relay_domains => 'example.net' });
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);
my $state  = $daemon->state_dir;
my @tables = qw(access transport complaint-access complaint-transport);
my $words  = qr/5\.1\.1 .*suppressed by bouncemilter \(user-unknown\)$/;

# A running smtpd notices a new file at its next client.
sub refused {
    my ($rcpt, $name) = @_;
    my $answer;
    wait_for(sub { ($answer = $site->rcpt_answer($rcpt)) =~ /^550 $words/ }, 5);
    return like $answer, qr/^550 $words/, $name;
}

# Of mail by sendmail(1): trivial-rewrite looks for a new file every 10 s.
sub sendmail_bounces {
    my ($rcpt) = @_;
    return wait_for(sub {
        my $from = length $pf->log;
        $pf->sendmail('-f', 'app@example.net', $rcpt, $site->message('x'));
        wait_for(sub { substr($pf->log, $from) =~ /to=<\Q$rcpt\E>.*status=/ }, 10);
        return substr($pf->log, $from) =~ /to=<\Q$rcpt\E>.*dsn=5\.1\.1, status=bounced \(suppressed by bouncemilter/;
    }, 20);
}

# The rows as tinycdb's own command has them: key => value.
sub dump_of {
    my ($table) = @_;
    my ($status, $out, $err) = run('cdb', '-d', '-m', "$state/$table.cdb");
    die "cdb -d $table: $err" if $status;
    return map { split / /, $_, 2 } split /\n/, $out;
}

subtest 'from the first start on' => sub {
    ok -e "$state/$_.cdb", "$_.cdb is there" for @tables;
    is_deeply [glob "$state/{access,transport,complaint}*.lmdb"], [], 'no lmdb tables are made';
    is((stat "$state/access.cdb")[2] & 07777, 0640, 'mode');
    is_deeply { dump_of('access') }, {}, 'and it is empty';
    is $site->rcpt_answer('ok@remote.test'), '250 2.1.5 Ok', 'mail passes';
};

subtest 'a bounce leads to refusal' => sub {
    $site->send_each('app@example.net', 'dead.550.5.1.1@remote.test');
    is $site->event('dead.550.5.1.1@remote.test')->{decision}, 'suppress', 'decided';
    my $since = time;
    ok $site->wait_published('dead.550.5.1.1@remote.test'), 'published';
    cmp_ok time - $since, '<=', 2, 'at once, after a quiet time';
    is $site->published('dead.550.5.1.1@remote.test'), '550 5.1.1 suppressed by bouncemilter (user-unknown)',
        'postmap -q, access';
    is $site->published('dead.550.5.1.1@remote.test', 'transport'),
        'error:5.1.1 suppressed by bouncemilter (user-unknown)', 'postmap -q, transport';
    is_deeply { dump_of('access') },
        { 'dead.550.5.1.1@remote.test' => '550 5.1.1 suppressed by bouncemilter (user-unknown)' }, 'cdb -d';
    my ($status, $out) = run('cdb', '-q', "$state/transport.cdb", 'dead.550.5.1.1@remote.test');
    is $out, 'error:5.1.1 suppressed by bouncemilter (user-unknown)', 'cdb -q';
    refused 'dead.550.5.1.1@remote.test', 'smtpd refuses the next one';
    refused 'Dead.550.5.1.1@Remote.TEST', 'in any case';
    ok sendmail_bounces('dead.550.5.1.1@remote.test'), 'so is mail by sendmail(1)';
    is $site->rcpt_answer('ok@remote.test'), '250 2.1.5 Ok', 'others are not refused';
};

subtest 'changes by hand' => sub {
    my ($status, $out, $err) = $daemon->suppress('--add', 'hand@remote.test', '--reason', 'test');
    is "$status $out$err", "0 hand\@remote.test is suppressed\n", '--add';
    like $site->published('hand@remote.test'), qr/\(manual\)/, 'in the table when the program ends';
    ($status, $out, $err) = $daemon->suppress('--remove', 'dead.550.5.1.1@remote.test', '--reason', 'mistake');
    is "$status $out$err", "0 dead.550.5.1.1\@remote.test is not suppressed any more\n", '--remove';
    my $from = length $pf->log;
    is $site->published('dead.550.5.1.1@remote.test'), undef, 'out of the table when the program ends';
    is_deeply [sort keys %{ { dump_of('access') } }], ['hand@remote.test'], 'what is left';
    # smtpd keeps what trivial-rewrite told it, and that looks for a new table
    # every 10 s: so it takes a while, and more than one try.
    ok wait_for(sub { $site->rcpt_answer('dead.550.5.1.1@remote.test') =~ /^250/ }, 40), 'smtpd accepts it again';
    ok wait_for(sub {
        $pf->sendmail('-f', 'app@example.net', 'dead.550.5.1.1@remote.test', $site->message('x'));
        return wait_for(sub { substr($pf->log, $from) =~ /to=<dead\S+ relay=127\./ }, 4);
    }, 40), 'sendmail(1): its mail leaves again';
    ok $site->wait_published('dead.550.5.1.1@remote.test'), 'and its bounce is published before we go on';
    ($status, $out, $err) = $daemon->suppress('--verify');
    is "$status $out$err", "0 standings: right, tables: right\n", '--verify';
    spew("$state/access.cdb", slurp("$state/complaint-access.cdb"));
    ($status, $out, $err) = $daemon->suppress('--verify');
    like $out, qr/^access\.cdb: \(a key is missing\) is not as the store has it$/m, '--verify finds a wrong table';
    like $site->published('hand@remote.test'), qr/\(manual\)/, 'and writes it again';
};

subtest 'while the daemon writes' => sub {
    my @new = map { "burst$_.550.5.1.1\@remote.test" } 1 .. 30;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $site->send_each('app@example.net', @new);
        POSIX::_exit(0);
    }
    my @wrong;
    for my $n (1 .. 20) {
        my ($status, $out, $err) = $daemon->suppress($n % 4 ? ('--add', "tool$n\@remote.test", '--reason', 'test') : '--verify');
        push @wrong, "$status $out$err" if $status || $err ne '';
    }
    waitpid $pid, 0;
    is_deeply \@wrong, [], 'two writers do not get into the way of each other, and --verify finds nothing wrong';
    $site->event($_) for @new;
    my $want = join ' ', $site->suppressed;
    for my $table (qw(access transport)) {
        ok wait_for(sub { $want eq join ' ', sort keys %{ { dump_of($table) } } }, 15), "in the end $table is the standing";
    }
    is_deeply [glob "$state/*.tmp"], [], 'and nothing is left behind';
};

subtest 'stopped' => sub {
    is $daemon->stop, 0, 'stopped' or diag $daemon->log;
    refused 'burst1.550.5.1.1@remote.test', 'the tables go on refusing';
    my $r = $site->submit('app@example.net', ['ok@remote.test'], $site->message('x'));
    like $r->{data}, qr/^250/, 'mail passes';
    ok $mx->message_to('ok@remote.test', 10), 'and is delivered';
    my ($status) = $daemon->suppress('--add', 'night@remote.test', '--reason', 'test');
    like $site->published('night@remote.test'), qr/manual/, 'the tool publishes by itself';
    unlink "$state/access.cdb";
    spew("$state/transport.cdb", substr slurp("$state/transport.cdb"), 0, 2500);
    my $said = length $daemon->log;
    $daemon->start;
    like substr($daemon->log, $said), qr{/access\.cdb is missing: making it from the store}, 'a missing table is made again';
    like substr($daemon->log, $said), qr{/transport\.cdb is damaged: rebuilding it from the store}, 'and a torn one';
    like $site->published('night@remote.test', $_), qr/manual/, "$_ is as it was" for qw(access transport);
};

subtest 'killed' => sub {
    $daemon->suppress('--add', 'before@remote.test', '--reason', 'test');
    $site->send_each('app@example.net', 'kill1.550.5.1.1@remote.test', 'kill2.550.5.1.1@remote.test');
    ok $site->event('kill2.550.5.1.1@remote.test')->{decision}, 'recorded';
    $daemon->kill9;
    spew("$state/access.cdb.tmp", 'half of a table');
    $daemon->start;
    like $site->published("kill$_.550.5.1.1\@remote.test"), qr/user-unknown/, "kill$_ is published at the start" for 1, 2;
    $daemon->suppress('--add', 'after@remote.test', '--reason', 'test');
    ok !-e "$state/access.cdb.tmp", 'what a crash left is gone';
};

subtest 'a full disk' => sub {
    my $faults = "$site->{dir}/faults";
    # What t/lib/faults-preload.c knows: writes to *.cdb fail, from the first on.
    my $set = sub {
        my ($first) = @_;
        open my $fh, -e $faults ? '+<:raw' : '>:raw', $faults or die "$faults: $!\n";
        print {$fh} pack 'L8', 4, 1, ENOSPC, $first, 0, 0, 0, 0;
        close $fh or die "$!\n";
    };
    $daemon->stop;
    $set->(0);
    chmod 0666, $faults;
    {
        local $ENV{LD_PRELOAD} = prog('t/lib/faults-preload.so');
        local $ENV{BM_FAULTS}  = $faults;
        local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0';
        $daemon->start;
    }
    my $old = slurp("$state/access.cdb");
    $set->(1);
    $site->send_each('app@example.net', 'full.550.5.1.1@remote.test');
    is $site->event('full.550.5.1.1@remote.test')->{decision}, 'suppress', 'decided and recorded all the same';
    ok $daemon->wait_log(qr{alert: cannot publish, the tables stay as they are: \S+\.cdb\.tmp: No space left on device}, 10),
        'the alert';
    ok slurp("$state/access.cdb") eq $old, 'the old table stays whole';
    refused 'burst1.550.5.1.1@remote.test', 'and goes on refusing';
    sleep 7;
    my $alerts = () = $daemon->log =~ /cannot publish/g;
    is $alerts, 1, 'one alert for all tries';
    $set->(0);
    ok $daemon->wait_log(qr/the tables are up to date again/, 15), 'it works again by itself';
    like $site->published('full.550.5.1.1@remote.test'), qr/user-unknown/, 'and it is published';
    is $daemon->stop, 0, 'a clean end';
};

subtest 'another type, and back' => sub {
    $daemon->configure({ 'table-type' => 'both' })->start;
    my $pm = sub { my ($type, $address) = @_; return $pf->postmap_q("$type:$state/access", $address) };
    like $pm->($_, 'full.550.5.1.1@remote.test'), qr/user-unknown/, "both: $_ has all" for qw(cdb lmdb);
    $site->send_each('app@example.net', 'both.550.5.1.1@remote.test');
    for my $type (qw(lmdb cdb)) {
        ok wait_for(sub { $pm->($type, 'both.550.5.1.1@remote.test') }, 10), "both: $type follows";
    }
    is +($daemon->suppress('--verify'))[1], "standings: right, tables: right\n", '--verify';
    $daemon->stop;
    $daemon->configure({ 'table-type' => 'cdb' })->start;
    $daemon->suppress('--remove', 'both.550.5.1.1@remote.test', '--reason', 'test');
    is $pm->('cdb', 'both.550.5.1.1@remote.test'), undef, 'cdb: follows';
    like $pm->('lmdb', 'both.550.5.1.1@remote.test'), qr/user-unknown/, 'the lmdb table is left alone';
    my $said = length $daemon->log;
    $daemon->configure({ 'table-type' => 'lmdb' })->reload;
    ok wait_for(sub { substr($daemon->log, $said) =~ /table-type, store-size, .* change with the next restart/ }, 10),
        'a change takes a restart';
    $daemon->restart;
    is $pm->('lmdb', 'both.550.5.1.1@remote.test'), undef, 'lmdb: catches up';
    ok -e "$state/access.cdb", 'and the cdb table is still there, as main.cf names it';
    is $site->rcpt_answer('ok@remote.test'), '250 2.1.5 Ok', 'mail passes';
};

subtest 'a table of someone else' => sub {
    $daemon->stop;
    $daemon->configure({ 'table-type' => 'cdb' });
    spew("$site->{dir}/foreign", "+11,16:example.org->smtp:[192.0.2.1]\n\n");
    my ($status, undef, $err) = run('cdb', '-c', "$state/transport.cdb", "$site->{dir}/foreign");
    is $status, 0, 'made' or diag $err;
    chown +(getpwnam 'nobody')[2, 3], "$state/transport.cdb";
    my $foreign = slurp("$state/transport.cdb");
    ok !eval { $daemon->start; 1 }, 'it does not start';
    is $daemon->status, 78, 'exit status';
    like $daemon->log, qr{\Q$state/transport.cdb holds entries that bouncemilter did not write: move them to a table of your own, or set table-dir to another directory\E}, 'and says why';
    ($status, undef, $err) = $daemon->suppress('--add', 'x@remote.test', '--reason', 'test');
    is $status, 78, 'neither does the tool';
    ok slurp("$state/transport.cdb") eq $foreign, 'it is not touched';
};

subtest 'bouncemilter -t' => sub {
    my $other = BM::Site->new(daemon => 0, tables => 0, conf => { 'table-type' => 'cdb' });
    my $test = sub { return (run(prog('bouncemilter'), '-t', '-c', $other->daemon->conf_file))[1] };
    my $dir  = $other->daemon->state_dir;
    like $test->(), qr{^# \Q$dir\E/access\.cdb is not there yet: start bouncemilter,$}m, 'before the first start';
    is $other->rcpt_answer('ok@remote.test'), '250 2.1.5 Ok', 'never started: mail passes';
    $other->daemon->start;
    my $out = $test->();
    like $out, qr{'smtpd_recipient_restrictions = check_recipient_access cdb:\Q$dir\E/access'}, 'the restriction';
    like $out, qr{'transport_maps = cdb:\Q$dir\E/transport'}, 'the map';
    unlike $out, qr{lmdb:}, 'no other type';
    $other->pf->set(BM::Daemon::tables($dir, 'cdb'));
    unlike $test->(), qr{cdb:}, 'and nothing, where they are set';
    $other->daemon->configure({ 'table-type' => 'both' });
    unlike $test->(), qr{lmdb:}, 'both: cdb is enough';
    $other->daemon->configure({ 'table-type' => 'lmdb' });
    $other->daemon->restart;
    $out = $test->();
    like $out, qr{check_recipient_access lmdb:\Q$dir\E/access}, 'lmdb: the new line';
    like $out, qr{^# cdb:\Q$dir\E/access in smtpd_recipient_restrictions is not kept up to date any more: take it out,$}m,
        'and what to take out';
};

done_testing;
