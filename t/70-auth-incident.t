#!/usr/bin/perl
# The day on which a DKIM key was forgotten: Google and Yahoo refuse the mail of
# example.com. On a real Postfix, from the first refusal to the end: one incident,
# told once, that says what is broken and where; nobody is suppressed.
#
# Hours pass by the clock of the test, for Postfix and the daemon alike.
#
# What makes this test fail: a recipient that two lanes count twice
# (pipeline_watch.c), a provider that is not the one whose servers spoke
# (provider.c), a second incident or notice after a restart (pipeline_recall.c), a
# diagnosis that names another record (diagnose.c), an alert that leads to the next.

use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use POSIX ();
use Test::More;
use BM::Clock;
use BM::Postfix;
use BM::Providers;
use BM::Site;
use BM::SMTP qw(submit);
use BM::Util qw(at_end prog run slurp spew tempdir wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

use constant { MINUTE => 60, HOUR => 3600 };

# ---- the parts

# sendmail(1) needs rights that the daemon does not have and a private Postfix
# cannot give: a messenger as root calls it for the program that the daemon calls,
# with the same arguments and the same message.
sub messenger {
    my ($dir) = @_;
    my $socket = IO::Socket::UNIX->new(Local => "$dir/messenger", Listen => 5) or die "$dir/messenger: $!\n";
    chmod 0777, "$dir/messenger";
    spew("$dir/sendmail", <<"END");
#!/usr/bin/perl
use IO::Socket::UNIX;
my \$messenger = IO::Socket::UNIX->new(Peer => '$dir/messenger') or die;
print {\$messenger} join("\\0", \@ARGV), "\\0\\0", <STDIN>;
shutdown \$messenger, 1;
exit <\$messenger>;
END
    chmod 0755, "$dir/sendmail";
    return $socket;
}

sub carry {
    my ($socket, $pf) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{TERM} = 'DEFAULT';
        while (my $caller = $socket->accept) {
            my ($args, $message) = split /\0\0/, join('', <$caller>), 2;
            print {$caller} scalar $pf->sendmail(split(/\0/, $args), $message);
        }
        POSIX::_exit(0);
    }
    at_end(sub { kill 'TERM', $pid; waitpid $pid, 0 });
    return;
}

# A program that the daemon may call: its arguments and its input are kept.
sub pager {
    my ($dir) = @_;
    mkdir "$dir/paged";
    chown scalar(getpwnam 'nobody'), -1, "$dir/paged";
    spew("$dir/page", qq(#!/bin/sh\necho "\$#: \$*" >>$dir/paged/args\nexec cat >>$dir/paged/input\n));
    chmod 0755, "$dir/page";
    return ["$dir/page", 'on call; "now"'];
}

# Options: log, as BM::Daemon takes it; script, of the server that has all other
# mail; postmaster, an address.
sub site {
    my (%opt) = @_;
    my $dir       = tempdir();
    my $clock     = BM::Clock->new(dir => $dir);
    my $providers = BM::Providers->new(dir => $dir, domain => 'example.com', selector => 's1');
    my $messenger = messenger($dir);
    my $site      = BM::Site->new(
        dir     => $dir,
        log     => $opt{log},
        clock   => $clock,
        mx      => { script => $opt{script} },
        postfix => { env => $providers->env($clock) },
        main    => { transport_maps => $providers->transport, relay_domains => 'example.com' },
        conf    => {
            'dns-zone'         => $providers->zone,
            'outbound-address' => '192.0.2.1',
            'alert-command'    => pager($dir),
            'alert-mail'       => $opt{postmaster} // 'postmaster@example.com',
            'sendmail-path'    => "$dir/sendmail",
        },
    );
    carry($messenger, $site->pf);
    return { dir => $dir, site => $site, clock => $clock, providers => $providers, daemon => $site->daemon, next => 1 };
}

# ---- the words

# Send to so many new readers of each, in this order, a message to one reader.
# Returns when nothing is left of it in Postfix, and the daemon has what was refused.
sub send_to {
    my ($s, @count) = @_;
    my ($pf, $all) = ($s->{site}->pf, 0);
    while (my ($name, $count) = splice @count, 0, 2) {
        for (1 .. $count) {
            my $rcpt = $s->{providers}->reader($name, $s->{next}++);
            my $r    = submit($pf->port, 'news@example.com', [$rcpt], $s->{providers}->message($rcpt));
            $r->{data} =~ /^250/ or die "not accepted: $r->{data}\n";
            $all++;
        }
    }
    ok $pf->queue_empty(20), "$all messages have left" or diag $pf->log;
    $s->{refused} += $all if -e "$s->{dir}/refusing";
    is wait_for(sub { $s->{refused} == refusals($s) && $s->{refused} }, 10), $s->{refused}, '... and what was refused is known'
        if $s->{refused};
    return;
}

sub refusals { my ($s) = @_; return scalar grep { $_->{category} eq 'auth-failure' } $s->{site}->events }

# Time passes, and the daemon, which looks once a second, has noticed.
sub go_on {
    my ($s, $seconds) = @_;
    $s->{clock}->pass($seconds);
    sleep 2;
    return;
}

sub incidents { my ($s, @filter) = @_; return grep { $_->{rule} eq 'auth' } $s->{daemon}->dump_json('--incidents', @filter) }
sub open_one  { my ($s) = @_; my $find = sub { (incidents($s))[0] }; return wait_for($find, 10) || {} }

# What the pager got.
sub paged { my ($s) = @_; return map { decode_json($_) } split /\n/, slurp("$s->{dir}/paged/input") }

# The mails of ours that Postfix has been given: the last that is done for a notice.
sub mailed { my ($s) = @_; return scalar(() = $s->{site}->pf->log =~ /message-id=<bouncemilter\./g) }

# Wait till so many notices have been told to all; those of the pager.
sub wait_told { my ($s, $n) = @_; wait_for(sub { mailed($s) >= $n }, 15); return paged($s) }

# A minute later, when the numbers are written, too.
sub later {
    my ($s, $recipients) = @_;
    go_on($s, MINUTE);
    wait_for(sub { (open_one($s)->{recipients} // 0) == $recipients }, 10);
    return open_one($s);
}

my $time  = qr/(?:\d{4}-\d\d-\d\d )?\d\d:\d\d/;
my $whole = qr/^DKIM is failing at Google and Yahoo for example\.com since $time UTC: 12 recipients, selector s1\z/;

# What an incident of this day has, whoever shows it.
sub is_the_day {
    my ($i, $with_log) = @_;
    is_deeply [@$i{qw(rule severity category domain subcause selector from_domain address)}],
        ['auth', 'critical', 'auth-failure', 'example.com', 'dkim', 's1', 'example.com', '192.0.2.1'], 'what it is';
    is_deeply [map { $_->{name} } @{ $i->{providers} }], ['Google', 'Yahoo'], 'where';
    is_deeply [map { $_->{name} } @{ $i->{codes} }], ['550 5.7.26'], 'the code';
    is !!$i->{attempts}, !!$with_log, $with_log ? 'how many were tried' : 'how many were tried is not known';
    my $found = ($i->{diagnosis} // '') =~ s/\s+/ /gr;
    like $found, qr/DKIM bad: the key s1\._domainkey\.example\.com does not exist in DNS/, 'the diagnosis names the broken record';
    is_deeply [sort $found =~ /(\w+) bad:/g], ['DKIM'], '... and no other';
    like $found, qr/s1\._domainkey\.example\.com TXT: NXDOMAIN/, '... and what DNS says of it';
    return;
}

sub nobody_is_suppressed {
    my ($s) = @_;
    is_deeply [$s->{site}->suppressed], [], 'nobody is suppressed';
    is_deeply [grep { $_->{decision} ne 'alert' } $s->{site}->events], [], '... nor counted';
    return;
}

# ---- with the mail log

subtest 'with the mail log' => sub {
    my $s = site(log => 'default');
    my ($daemon, $clock, $providers) = @$s{qw(daemon clock providers)};
    my $id;

    subtest 'it begins' => sub {
        send_to($s, Google => 6, Yahoo => 6);
        go_on($s, 10 * MINUTE);
        $providers->refuse;
        my $first = $clock->now;
        send_to($s, Google => 4);
        go_on($s, 2 * MINUTE);
        send_to($s, Yahoo => 2);
        go_on($s, 2 * MINUTE);
        is_deeply [paged($s)], [], 'four at one and two at the other: nobody is told yet';
        # With the next one it is critical at once.
        send_to($s, Yahoo => 3, Google => 3);
        my @told = wait_told($s, 1);
        is scalar(@told), 1, 'then one notice' or diag $daemon->log;
        is_deeply [@{ $told[0] }{qw(notice notified)}], ['opened', 1], '... that it has begun';
        like $told[0]{sentence}, qr/^DKIM is failing at Google and Yahoo for example\.com since $time UTC: \d+ recipients, selector s1\z/,
            '... in one sentence';
        cmp_ok $told[0]{recipients}, '>=', 7, '... with those that there were';
        is_the_day($told[0], 1);
        is slurp("$s->{dir}/paged/args"), qq(1: on call; "now"\n), 'the program got its argument, and nothing else';
        my $i = later($s, 12);
        $id = $i->{id};
        is $id, $told[0]{id}, 'it is the one on record';
        is $i->{recipients}, 12, 'all recipients, each once';
        is_deeply $i->{providers}, [{ name => 'Google', recipients => 7 }, { name => 'Yahoo', recipients => 5 }], 'of each provider';
        like $i->{sentence}, $whole, 'the sentence';
        my $since = POSIX::strftime('%Y-%m-%dT%H:%M', gmtime $first);
        my $next  = POSIX::strftime('%Y-%m-%dT%H:%M', gmtime $first + MINUTE);
        like $i->{since}, qr/^(?:$since|$next):/, 'since the first refusal';
        is_the_day($i, 1);
        is scalar(incidents($s, '--all')), 1, 'it is the only one';
        nobody_is_suppressed($s);
    };

    subtest 'who is told' => sub {
        my $line = $daemon->wait_log(qr/^bouncemilter: alert: (incident $id opened: .*)$/m);
        like $line, qr/^incident $id opened: DKIM is failing at Google and Yahoo for example\.com .*; rule=auth severity=critical /, 'the log';
        like $line, qr/ diagnosis="the key s1\._domainkey\.example\.com does not exist in DNS/, '... with the broken record';
        my $mail = $s->{site}->mx->message_to('postmaster@example.com') || { rcpts => [], data => "\n\n" };
        is_deeply [$mail->{sender}, @{ $mail->{rcpts} }], ['', 'postmaster@example.com'], 'the postmaster, by mail from nobody';
        like $mail->{data}, qr/^X-Bouncemilter-Alert: $id$/m, '... with our mark';
        like $mail->{data}, qr/^Subject: \[bouncemilter\] critical: auth example\.com \(opened\)$/m, '... a Subject of our words';
        like $mail->{data}, qr/^DKIM is failing at Google and Yahoo for example\.com/m, '... the sentence';
        like $mail->{data}, qr/does not exist in DNS/, '... the diagnosis';
        like $mail->{data}, qr/^  > 550-5\.7\.26 This mail has been blocked .*^  >   .*DKIM = did not pass/ms, '... and the replies, as quotations';
        is_deeply [grep { length > 78 } split /\n/, (split /\n\n/, $mail->{data}, 2)[1]], [], '... in lines of 78 columns';
    };

    subtest 'what a person sees' => sub {
        my $text = $daemon->dump('--incidents');
        like $text, qr/^incident $id: critical, auth, since \S+, open$/m, 'the incident' or diag $text;
        like $text, qr/Google \(7\), Yahoo \(5\)/, 'where';
        like $text, qr/s1\._domainkey\.example\.com TXT: NXDOMAIN/, 'the broken record';
        is_deeply [grep { length > 80 } split /\n/, $text], [], 'in 80 columns';
    };

    subtest 'the daemon ends in the middle of it' => sub {
        is $daemon->stop, 0, 'by TERM';
        $daemon->start;
        send_to($s, Google => 1);
        my $i = later($s, 13);
        is "$i->{id} $i->{recipients} $i->{notified}", "$id 13 1", 'the same one goes on, nobody is told again';
        is_the_day($i, 1);
        $daemon->kill9;
        $daemon->start;
        send_to($s, Yahoo => 1);
        $i = later($s, 14);
        is "$i->{id} $i->{recipients} $i->{notified}", "$id 14 1", '... also by KILL';
        is_deeply $i->{providers}, [{ name => 'Google', recipients => 8 }, { name => 'Yahoo', recipients => 6 }], '... of each provider';
        is scalar(incidents($s, '--all')), 1, 'and it is the only one';
        is scalar(paged($s)) . mailed($s), '11', 'one notice, one mail';
    };

    subtest 'the key is published' => sub {
        $providers->mend;
        send_to($s, Google => 4, Yahoo => 4);
        go_on($s, 20 * MINUTE);
        is open_one($s)->{id}, $id, 'it is not over at once';
        send_to($s, Google => 4, Yahoo => 4);
        go_on($s, HOUR);
        send_to($s, Google => 4, Yahoo => 4);
        go_on($s, 30 * MINUTE);
        my @told = wait_told($s, 2);
        is_deeply [map { $_->{notice} } @told], ['opened', 'closed'], 'then it is, and that is told';
        is $told[1]{id}, $id, '... of this one';
        like $told[1]{sentence}, qr/^DKIM was failing at Google and Yahoo for example\.com from $time to $time UTC: 14 recipients, selector s1\z/,
            '... in the past tense';
        is_deeply [incidents($s)], [], 'none is open';
        like $daemon->dump('--incidents', '--all'), qr/^incident $id: critical, auth, since \S+, closed$/m, 'the record stays';
        nobody_is_suppressed($s);
        my $signed = "$s->{dir}/signed";
        spew($signed, $providers->message('anybody@gmail.example'));
        my ($status, $out, $err) = run(prog('bouncemilter-classify'), '--diagnose', 'example.com', '--ip', '192.0.2.1', '--zone',
            $providers->zone, $signed);
        is "$status$err", '0', 'a diagnosis by hand finds nothing bad' or diag $out;
        is_deeply [sort $out =~ /^(\w+) (?!good)\w+:/mg], [], '... and all of it good';
    };
    is_deeply [grep { $_->{rule} eq 'self' } $daemon->dump_json('--incidents', '--all')], [], 'all this time nothing was wrong with ourselves';
    is $daemon->stop, 0, 'a clean end';
};

# ---- without

subtest 'without the mail log' => sub {
    my $s = site(log => 'none');
    $s->{providers}->refuse;
    send_to($s, Google => 4, Yahoo => 5, Google => 3);
    my @told = wait_told($s, 1);
    is scalar(@told), 1, 'one notice' or diag $s->{daemon}->log;
    my $i = later($s, 12);
    is $i->{recipients}, 12, 'all recipients, each once';
    like $i->{sentence}, $whole, 'the sentence';
    is_the_day($i, 0);
    nobody_is_suppressed($s);
    $s->{providers}->mend;
    go_on($s, 20 * MINUTE);
    is open_one($s)->{id}, $i->{id}, 'it is not over at once';
    go_on($s, HOUR);
    go_on($s, 30 * MINUTE);
    is_deeply [map { $_->{notice} } wait_told($s, 2)], ['opened', 'closed'], 'silence ends it';
    is scalar(incidents($s, '--all')), 1, 'it is the only one';
    is $s->{daemon}->stop, 0, 'a clean end';
};

# ---- an alert that nobody gets

subtest 'a postmaster who is gone' => sub {
    my $gone = 'alerts@gone.example';
    my $s    = site(log => 'default', postmaster => $gone, script => { $gone => '550 5.1.1 User unknown' });
    my ($pf, $daemon) = ($s->{site}->pf, $s->{daemon});
    $s->{providers}->refuse;
    send_to($s, Google => 4, Yahoo => 5, Google => 3);
    like $pf->wait_log(qr/to=<\Q$gone\E>.*(status=bounced) /), qr/bounced/, 'our mail is refused';
    # Another server takes it and reports later.
    my $report = $s->{providers}{proof}->dsn(rcpt => $gone, headers => "From: bouncemilter <$gone>\nTo: <$gone>\n"
        . "Message-ID: <bouncemilter.1.opened.1\@gone.example>\nX-Bouncemilter-Alert: 1");
    my $r = submit($pf->port, '', ['news@example.com'], $report);
    like $r->{data}, qr/^250/, 'and reported, which passes';
    ok $pf->queue_empty(10), '... to whom it is for';
    go_on($s, 2 * MINUTE);
    is_deeply [$s->{site}->events($gone)], [], 'neither is an event';
    is_deeply [grep { $_->{recipient} eq $gone } $s->{site}->unverified], [], '... nor an unproven one';
    is_deeply [grep { $_ eq $gone } $s->{site}->suppressed], [], '... and nobody is suppressed for it';
    is scalar(incidents($s, '--all')), 1, 'there is no other incident of auth';
    is $daemon->stop, 0, 'a clean end';
};

# ---- a near miss

subtest 'four at one provider' => sub {
    my $s = site(log => 'default');
    send_to($s, Google => 40, Yahoo => 5);
    $s->{providers}->refuse;
    send_to($s, Google => 4, Yahoo => 2);
    go_on($s, MINUTE);
    is_deeply [incidents($s, '--all')], [], 'no incident';
    is_deeply [paged($s), mailed($s) || ()], [], 'and nobody is told';
    my $others = sub { map { "$_->{rule} $_->{severity}" } $s->{daemon}->dump_json('--incidents') };
    is_deeply [wait_for(sub { my @all = $others->(); "@all" }, 10)], ['auth-first notice'],
        'that it was the first one in a day is for the log alone';
    send_to($s, Google => 1);
    my @told = wait_told($s, 1);
    is_deeply [map { "$_->{rule} $_->{severity} $_->{recipients}" } @told], ['auth warning 7'], 'a fifth is one too many';
    nobody_is_suppressed($s);
    is $s->{daemon}->stop, 0, 'a clean end';
};

done_testing;
