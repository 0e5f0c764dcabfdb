#!/usr/bin/perl
# The test harness itself: a private Postfix, a scripted MX, nothing left behind.

use strict;
use warnings;
use IO::Select;
use Test::More;
use BM::Daemon;
use BM::MX;
use BM::Postfix;
use BM::SMTP qw(submit);
use BM::Util qw(accepts group run slurp spew tempdir wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $dir = tempdir();
my $mx  = BM::MX->new(
    dir      => $dir,
    greeting => ['421 4.7.0 Try again later', '554 5.7.1 Blocked'],
    script   => { 'Custom@remote.test' => '452 4.2.2 Mailbox full' },
    reply    => sub {
        my ($stage, $address) = @_;
        return $stage eq 'mail' && $address =~ /^refused@/ ? '550 5.7.1 Sender refused' : undef;
    },
);
my $pf = BM::Postfix->new(
    dir             => $dir,
    mx_port         => $mx->port,
    separate_pickup => 1,
    services        => [{ chroot => 1 }, { opts => ['syslog_name=postfix/two', 'smtpd_banner=second one'] }],
)->start;
my $message = "From: sender\@example.net\nSubject: test\n\n.a line with a dot\nend\n";

subtest 'the MX answers as the local part says' => sub {
    my $smtp = BM::SMTP->new($mx->port);
    like $smtp->ehlo, qr/^250[- ]$_$/m, "offers $_" for qw(PIPELINING 8BITMIME SMTPUTF8 DSN ENHANCEDSTATUSCODES);
    my $rcpt = sub { $smtp->say("RCPT TO:<$_[0]\@remote.test>") };
    is $smtp->say('MAIL FROM:<a@b.test>'), '250 2.1.0 Ok', 'MAIL';
    like $rcpt->('550.5.1.1'), qr/^550 5\.1\.1 <550\.5\.1\.1\@remote\.test>: The email account/, 'code';
    like $rcpt->('x.452.4.2.2'), qr/^452 4\.2\.2 /, 'code after a name';
    like $rcpt->('x.550.5.2.2+tag'), qr/over quota/, 'extension';
    like $rcpt->('550'), qr/^550 Message refused$/, 'no enhanced code';
    like $rcpt->('multi.550.5.1.1'), qr/\A(?:550-5\.1\.1 .+\n)+550 5\.1\.1 .+\z/, 'several lines';
    is $rcpt->('custom'), '452 4.2.2 Mailbox full', 'script';
    like $rcpt->('data.550.5.7.26'), qr/^250/, 'accepted until the end of data';
    like $smtp->say('DATA'), qr/^354/, 'DATA';
    like $smtp->text('x'), qr/^550 5\.7\.26 .* - gsmtp$/, 'end of data';
    is $smtp->say('MAIL FROM:<refused@b.test>'), '550 5.7.1 Sender refused', 'code of the test';
    $smtp->say('MAIL FROM:<a@b.test>');
    is $rcpt->('drop'), '', 'connection cut';
    is(BM::SMTP->new($mx->greeting_port(0))->greeting, '421 4.7.0 Try again later', 'special greeting');
    is(submit($mx->greeting_port(1), 'a@b', ['c@d'], 'x')->{mail}, '554 5.7.1 Blocked', 'refused at the door');
};

subtest 'the MX serves fifty at once' => sub {
    my @smtp = map { BM::SMTP->new($mx->port) } 1 .. 50;
    my @ok = grep { $_->transaction('', ['many@remote.test'], $message)->{data} =~ /^250/ } @smtp;
    is @ok, 50, 'all accepted';
    is $mx->wait_messages(50), 50, 'all recorded';
};

for my $i (0, 1) {
    subtest +($i ? 'a plain smtpd' : 'a chrooted smtpd') . ' takes mail' => sub {
        my $r = submit($pf->port($i), "s$i\@example.net", ["ok$i\@remote.test", 'bad address@', "ok$i.too\@remote.test"],
            $message, mail => 'ENVID=abc');
        is $r->{mail}, '250 2.1.0 Ok', 'MAIL';
        like $r->{rcpt}{'bad address@'}, qr/^5/, 'a refused recipient';
        like $r->{data}, qr/^250 2\.0\.0 Ok: queued/, 'does not stop the others';
        my $m = $mx->message_to("ok$i\@remote.test") or return fail 'delivered';
        is $m->{sender}, "s$i\@example.net", 'sender';
        like $m->{mail}, qr/\bENVID=abc\b/, 'ESMTP parameters';
        is_deeply [sort @{ $m->{rcpts} }], ["ok$i.too\@remote.test", "ok$i\@remote.test"], 'recipients';
        like $m->{data}, qr/^\.a line with a dot\nend\n\z/m, 'text';
    };
}

subtest 'services have their own options' => sub {
    like(BM::SMTP->new($pf->port(1))->greeting, qr/^220 second one/, 'a value with a space');
    ok $pf->wait_log(qr{postfix/two/smtpd\[\d+\]: connect}), 'logged under its name';
};

subtest 'a refused recipient comes back as a bounce' => sub {
    submit($pf->port, 'author@example.net', ['u.550.5.1.1@remote.test'], $message);
    my $dsn = $mx->message_to('author@example.net') or return fail 'delivered';
    is $dsn->{sender}, '', 'null sender';
    like $dsn->{data}, qr/^Final-Recipient: rfc822; u\.550\.5\.1\.1\@remote\.test\n.*^Status: 5\.1\.1$/ms, 'report';
    ok $pf->wait_log(qr/to=<u\.550\.5\.1\.1\@remote\.test>,.* dsn=5\.1\.1, status=bounced/), 'logged';
    ok $pf->queue_empty, 'nothing is left in the queue';
};

subtest 'mail without ASCII addresses' => sub {
    use utf8;
    my $rcpt = 'käse@remote.test';
    my $r = submit($pf->port, '', [$rcpt], "Subject: \x{20ac}\n\n", smtputf8 => 1);
    like $r->{data}, qr/^250/, 'accepted';
    ok wait_for(sub { grep { $_ eq "k\xc3\xa4se\@remote.test" } $mx->rcpts }), 'delivered';
};

subtest 'sendmail' => sub {
    my ($status, $err) = $pf->sendmail('-f', 'local@example.net', 'program@remote.test', $message);
    is $status, 0, 'status' or diag $err;
    is(($mx->message_to('program@remote.test') || {})->{sender}, 'local@example.net', 'delivered');
    ok $pf->wait_log(qr{postfix/pickup/cleanup\[\d+\]: [0-9A-F]+: message-id}), 'by a cleanup of its own';
};

subtest 'a deferred message, the queue, flush' => sub {
    submit($pf->port, 'author@example.net', ['450.4.2.1@remote.test'], $message);
    ok $pf->wait_log(qr/dsn=4\.2\.1, status=deferred/), 'logged';
    ok !$pf->queue_empty(0.1), 'stays in the queue';
    my ($q) = $pf->queue;
    is $q->{recipients}[0]{address}, '450.4.2.1@remote.test', 'listed';
    my $tried = sub { scalar grep { $_->{rcpt} eq '450.4.2.1@remote.test' } $mx->attempts };
    my $before = $tried->();
    $pf->flush;
    ok wait_for(sub { $tried->() > $before }), 'tried again';
};

subtest 'tables and parameters' => sub {
    spew("$dir/access", "gone\@remote.test 550 5.1.1 suppressed\n");
    my ($status, undef, $err) = $pf->command('postmap', "lmdb:$dir/access");
    is $status, 0, 'postmap' or diag $err;
    is $pf->postmap_q("lmdb:$dir/access", 'gone@remote.test'), '550 5.1.1 suppressed', 'found';
    is $pf->postmap_q("lmdb:$dir/access", 'other@remote.test'), undef, 'not found';
    ok !eval { $pf->postmap_q("lmdb:$dir/none", 'x'); 1 }, 'no such table';
    $pf->set(smtpd_recipient_restrictions => "check_recipient_access lmdb:$dir/access permit_mynetworks reject");
    like $pf->postconf('smtpd_recipient_restrictions'), qr/^check_recipient_access/, 'set';
    $pf->reload;
    my $refused = sub { submit($pf->port, 'a@example.net', ['gone@remote.test'], 'x')->{rcpt}{'gone@remote.test'} };
    ok wait_for(sub { $refused->() =~ /^550 5\.1\.1 .*suppressed/ }), 'in force after a reload';
};

subtest 'the daemon is looked after' => sub {
    my $fake = tempdir();
    spew("$fake/bouncemilter", <<'EOF');
#!/usr/bin/perl
use IO::Socket::UNIX;
my ($path) = do { local (@ARGV, $/) = $ARGV[2]; <> } =~ /^socket = "unix:(.*)"$/m or die "no socket\n";
$SIG{USR1} = sub { print STDERR "reloaded\n" };
unlink $path;
my $s = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "$path: $!\n";
print STDERR "ready\n";
$s->accept while 1;
EOF
    spew("$fake/bouncemilter-dump", qq{#!/bin/sh\nprintf '{"args":"%s"}\\n' "\$*"\n});
    chmod 0755, glob "$fake/*";
    local $ENV{BM_BUILD} = $fake;
    my $d = BM::Daemon->new(dir => $fake, postfix => $pf,
        conf => { 'own-clients' => ['127.0.0.1'], limit => 5 })->start;
    my $pid = $d->pid;
    is sprintf('%o', 07777 & (stat $pf->queue_dir . '/bouncemilter')[2]), '2750', 'directory of the socket';
    like slurp($d->conf_file), qr/^limit = 5\nlocal-rules-dir = .*\nown-clients = \{ "127.0.0.1" \}\npostfix-config = "/m, 'configuration';
    $d->reload;
    ok $d->wait_log(qr/reloaded/), 'reload';
    is(($d->dump_json('x'))[0]{args}, '-c ' . $d->conf_file . ' --json x', 'tools know the configuration');
    $d->restart;
    isnt $d->pid, $pid, 'restart';
    is $d->stop, 143, 'stop';
    spew("$fake/bouncemilter", "#!/bin/sh\necho no good >&2\nexit 3\n");
    ok !eval { $d->start; 1 }, 'a daemon that gives up';
    like $@, qr/no good/, 'is reported with its log';
    is $d->status, 3, 'and its status';
};

subtest 'nothing is left' => sub {
    my $pid = $pf->master_pid;
    ok $pid && group($pid) > 1, 'it runs';
    $pf->stop;
    is_deeply [group($pid)], [], 'no process';
    ok !accepts($pf->port), 'no port';
    $pf->start;
    ok accepts($pf->port), 'starts again';
    $pid = $pf->master_pid;
    undef $pf;
    is_deeply [group($pid)], [], 'out of scope, out of the way';

    # A test that dies or is killed takes its servers with it.
    for my $end ('die "x\n"', 'kill TERM => $$; sleep 5', 'kill INT => $$; sleep 5', 'kill PIPE => $$; sleep 5') {
        my ($status, $out) = run($^X, (map { "-I$_" } @INC), '-MBM::Postfix', '-MBM::MX', '-MBM::Util=tempdir', '-e', <<"EOF");
\$| = 1;
my \$dir = tempdir();
my \$mx = BM::MX->new(dir => \$dir);
my \$pf = BM::Postfix->new(dir => \$dir)->start;
print join ' ', \$dir, \$pf->master_pid, \$mx->port, "\\n";
$end;
EOF
        my ($d, $pid, $port) = split ' ', $out;
        ok $status && $pid && !group($pid) && !accepts($port) && !-e $d, $end;
    }
};

done_testing;
