#!/usr/bin/perl
# Proofs with real mail servers: our own Postfix or Sendmail marks what leaves, a
# remote Postfix or Sendmail takes it, cannot deliver it, and writes its report. No
# report here is made by hand, but for those that shall not be believed.
#
# Reports come from 192.0.2.66, a stranger, or from 192.0.2.77, which is the MX of
# the remote domains, as SPF says. What our Postfix does to a message is compared
# with the same message through a port without a milter.
#
# What makes this test fail: a mark that changes anything else of a message
# (milter.c, outgoing.c), a token that real servers do not bring back, a report
# that is read before the ledger has the message, a proof too many or too few.

use strict;
use warnings;
use POSIX qw(strftime);
use Test::More;
use BM::Daemon;
use BM::MX;
use BM::Net;
use BM::Postfix;
use BM::Proof;
use BM::SMTP qw(submit);
use BM::Sendmail;
use BM::Site;
use BM::Util qw(free_port tempdir wait_for);

BM::Net::enter();
for (BM::Postfix->absent, BM::Sendmail->absent) { die "$_\n" if $_ }

use constant { STRANGER => '192.0.2.66', ALIGNED => '192.0.2.77' };
use constant { MILTER => 0, BARE => 1 };    # the smtpd services of our Postfix

my $dir   = tempdir();
my $proof = BM::Proof->new(dir => $dir);
$proof->key('example.net', 's1');
my $zone = $proof->zone('remote.test MX 10 mx.remote.test', 'sendmail.test MX 10 mx.remote.test',
    'mx.remote.test A 192.0.2.77', 'mx.remote.test TXT "v=spf1 ip4:192.0.2.77 -all"');

my %common = (
    'own-domains'      => ['example.net'],
    'key-file'         => $proof->key_file,
    'dns-zone'         => $zone,
    'max-suppressions' => '0',
);
my ($port, $bare, $remote_port, $far_port) = map { free_port() } 1 .. 4;
my $relay = BM::Sendmail->new(dir => tempdir(), mx_port => $far_port)->start;
my $far   = BM::MX->new(dir => tempdir(), port => $far_port);
my $site  = BM::Site->new(
    dir     => $dir,
    log     => 'default',
    conf    => { %common, log => { none => 'yes' } },
    postfix => { services => [{ port => $port }, { port => $bare, opts => ['smtpd_milters='] }] },
    main    => {
        mynetworks     => '127.0.0.1/32',
        relay_domains  => 'example.net',
        transport_maps => "inline:{ { remote.test = smtp:[127.0.0.1]:$remote_port },"
            . " { sendmail.test = smtp:[127.0.0.1]:@{[$relay->port]} } }",
    },
);
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);
$proof->{daemon} = $daemon;

# The remote Postfix: what it takes it cannot deliver, and its reports come to us.
my $remote_dir = tempdir();
my $remote = BM::Postfix->new(
    dir      => $remote_dir,
    mx_port  => $far_port,
    services => [{ port => $remote_port }],
    master   => "aligned unix - - n - - smtp\n  -o smtp_bind_address=${\ALIGNED}\n",
    main     => {
        myhostname        => 'mx.remote.test',
        mydomain          => 'remote.test',
        smtpd_client_restrictions => 'static:HOLD',
        smtp_bind_address => STRANGER,
        transport_maps    => "regexp:{ { /^aligned.*\@example.net/ aligned:[127.0.0.1]:$port },"
            . " { /\@example.net/ smtp:[127.0.0.1]:$port } }",
    },
)->start;

# ---- the words of the tests

my $number = 0;

sub token_of { my ($m) = @_; return ($m->{data} =~ /\A(?:.+\n)*X-Bouncemilter-Tag: (b1a[0-9a-f]{72})\n/)[0] }
sub envid_of { my ($m) = @_; return ($m->{mail} =~ /\bENVID=(\S+)/)[0] }
sub body_of  { my ($m) = @_; return (split /\n\n/, $m->{data}, 2)[1] }
sub recipients_in { my ($token) = @_; return hex substr $token // '', 7, 4 }

# The fields that a message had when it was sent.
sub fields_of {
    my ($m) = @_;
    my ($head) = split /\n\n/, $m->{data}, 2;
    return grep { !/^(?:Received|X-Bouncemilter-Tag|Message-Id|Date):/i } $head =~ /^(\S.*\n?(?:[ \t].*\n?)*)/mg;
}
sub tags_of { my ($m) = @_; return () = $m->{data} =~ /^X-Bouncemilter-Tag:/mg }

# Give the daemon another configuration.
sub configure {
    my ($conf) = @_;
    $daemon->stop;
    $daemon->configure({ %common, log => { none => 'yes' }, %$conf });
    $daemon->start;
    return;
}

# What became of a report about this recipient: proof and decision.
sub became {
    my ($rcpt) = @_;
    for my $what ('--events', '--unverified') {
        my ($e) = grep { $_->{recipient} eq $rcpt } $daemon->dump_json($what);
        return "$e->{proof} $e->{decision}" if $e;
    }
    return 'nothing';
}

# ---- what leaves

# Options of a row: from, rcpts, message, opt (of BM::SMTP), source; marks: 'both', 'tag' or '';
# envid (of the client); recipients (in the token).
sub leaves {
    my ($name, %row) = @_;
    my $from = $row{from} // 'app@example.net';
    subtest $name => sub {
        my %m;
        for my $way (MILTER, BARE) {
            my $n     = ++$number;
            my @rcpts = map { "$_.$n\@" . ($row{domain} // 'direct.test') } @{ $row{rcpts} // ['user'] };
            my $r = submit($pf->port($way), $from, \@rcpts, $row{message} // plain(), source => $row{source}, %{ $row{opt} || {} });
            like $r->{data}, qr/^250/, 'accepted' or diag explain $r;
            utf8::encode($_) for @rcpts;
            $m{$way} = $mx->message_to($rcpts[0]) or return fail "it arrives at $rcpts[0]";
            is_deeply [sort @{ $m{$way}{rcpts} }], [sort @rcpts], 'at all recipients';
        }
        my ($m, $as) = @m{ MILTER, BARE };
        my $token = token_of($m);
        my $marks = $row{marks} // 'both';
        is tags_of($m), $marks eq '' ? 0 : 1, 'the field';
        ok $marks eq '' || defined $token, '... is a token of ours';
        is envid_of($m), $marks eq 'both' ? $token : $row{envid}, 'ENVID';
        is recipients_in($token), $row{recipients} // 1, '... knows how many there are' if $marks ne '';
        is $m->{sender}, $as->{sender}, 'the sender is the same';
        is $m->{sender}, $row{from_octets} // $from, '... as it was given';
        is body_of($m), body_of($as), 'the body is the same';
        is_deeply [fields_of($m)], [fields_of($as)], 'the other fields are the same';
        my @others = map { join ' ', grep { !/^ENVID=/ } split ' ', $_->{mail} } $m, $as;
        is $others[0], $others[1], 'the other parameters are the same';
        is_deeply [map { s/\b[\w.]+?\.\d+\@//gr } @{ $m->{rcpt} }], [map { s/\b[\w.]+?\.\d+\@//gr } @{ $as->{rcpt} }],
            '... also those of the recipients';
        $row{and}->($m) if $row{and};
    };
    return;
}

sub plain { return BM::Site->message('plain') }
sub with_body { my ($body, $more) = @_; return 'From: app@example.net' . "\nTo: x\@direct.test\nMessage-ID: <b" . ++$number . ".$$\@example.net>\n" . ($more // '') . "\n$body" }

configure({ ledger => 'milter' });
leaves('by SMTP');
leaves('an ENVID of the client stays', opt => { mail => 'ENVID=QQ314159 RET=HDRS' }, marks => 'tag', envid => 'QQ314159',
    and => sub { like $_[0]{mail}, qr/\bRET=HDRS\b/, 'and its RET' });
leaves('RET of the client stays', opt => { mail => 'RET=HDRS' }, and => sub { like $_[0]{mail}, qr/\bRET=HDRS\b/, 'it does' });
leaves('RET=FULL too', opt => { mail => 'RET=FULL' }, and => sub { like $_[0]{mail}, qr/\bRET=FULL\b/, 'it does' });
leaves('NOTIFY and ORCPT stay', opt => { rcpt => 'NOTIFY=FAILURE,DELAY ORCPT=rfc822;other@direct.test' },
    and => sub { like $_[0]{rcpt}[0], qr/^ORCPT=rfc822;other\@direct\.test NOTIFY=FAILURE,DELAY\z/, 'they do' });
leaves('the null sender', from => '', marks => '');
leaves('mail of a stranger', from => 'x@remote.test', domain => 'example.net', source => STRANGER, marks => '');
leaves('without Message-ID', message => "From: app\@example.net\nSubject: x\n\nHello.\n",
    and => sub { like $_[0]{data}, qr/^Message-Id:/mi, 'Postfix made one' });
leaves('several recipients', rcpts => [map { "many$_" } 1 .. 5], recipients => 5);
leaves('a quoted sender', from => '"john doe, x>y\"z"@example.net');
leaves('SMTPUTF8', from => "j\x{151}rg\@example.net", from_octets => "j\xc5\x91rg\@example.net", rcpts => ['user', "gr\x{171}n"], recipients => 2,
    opt => { smtputf8 => 1 }, and => sub { like $_[0]{mail}, qr/\bSMTPUTF8\b/, 'stays' });
leaves('8-bit body', message => with_body("caf\xc3\xa9 \xff\xfe\n.\n..dots\n \n\n", "MIME-Version: 1.0\nContent-Type: text/plain; charset=x\nContent-Transfer-Encoding: 8bit\n"),
    opt => { mail => 'BODY=8BITMIME' }, and => sub { like $_[0]{mail}, qr/\bBODY=8BITMIME\b/, 'stays' });
leaves('a large body', message => with_body(join '', map { "line $_ " . 'x' x ($_ % 90) . "\n" } 1 .. 20000));
leaves('no body', message => with_body(''));
leaves('long and folded fields', message => with_body("x\n", 'References: ' . join("\n\t", map { "<r$_\@example.net>" } 1 .. 40) . "\nX-Long: " . 'y' x 900 . "\n"));

subtest 'by sendmail(1)' => sub {
    my $text = with_body("From the start\n.\ncaf\xc3\xa9\n");
    my ($status, $err) = $pf->sendmail('-i', '-f', 'app@example.net', 'program@direct.test', $text);
    is $status, 0, 'taken' or diag $err;
    my $m = $mx->message_to('program@direct.test') or return fail 'arrives';
    my $token = token_of($m);
    ok defined $token, 'has the field';
    is tags_of($m), 1, '... once';
    is envid_of($m), $token, 'and ENVID';
    is $m->{sender}, 'app@example.net', 'the sender is the same';
    is body_of($m), (split /\n\n/, $text, 2)[1], 'the body is the same';
    ($status, $err) = $pf->sendmail('-i', '-f', 'app@example.net', '-V', 'mine', '-R', 'hdrs', 'program2@direct.test', $text);
    $m = $mx->message_to('program2@direct.test') or return fail 'arrives with -V and -R';
    like $m->{mail}, qr/\bRET=HDRS\b/, '-R stays';
    # What -V says is in no step of the milter protocol.
    is envid_of($m), token_of($m), '... but not -V';
};

subtest 'a session with several messages' => sub {
    my $smtp = BM::SMTP->new($pf->port);
    $smtp->transaction('app@example.net', ["turn$_\@direct.test"], plain()) for 1, 2;
    $smtp->transaction('', ['turn3@direct.test'], plain());
    $smtp->transaction('app@example.net', ['turn4@direct.test'], plain());
    $smtp->quit;
    my @m = map { $mx->message_to("turn$_\@direct.test") } 1 .. 4;
    my %seen = map { token_of($_) // '', 1 } @m[0, 1, 3];
    is keys %seen, 3, 'each its own token';
    is tags_of($m[2]), 0, '... but the null sender';
    is envid_of($m[2]), undef, '... in the envelope too';
};

for my $enforce (qw(table milter)) {
    configure({ ledger => 'milter', enforce => $enforce });
    subtest "one recipient refused, enforce = $enforce" => sub {
        my $gone = "gone$enforce\@direct.test";
        $daemon->suppress('--add', $gone, '--reason', 'a test');
        ok $site->wait_published($gone), 'suppressed' if $enforce eq 'table';
        my $r = submit($pf->port, 'app@example.net', ["a$enforce\@direct.test", $gone, "b$enforce\@direct.test"], plain());
        like $r->{rcpt}{$gone}, qr/^550 5\.7\.1 .*suppressed/, 'it is refused';
        like $r->{data}, qr/^250/, 'the message is not';
        my $m = $mx->message_to("a$enforce\@direct.test") or return fail 'arrives';
        is_deeply $m->{rcpts}, ["a$enforce\@direct.test", "b$enforce\@direct.test"], 'arrives at the others';
        is recipients_in(token_of($m)), 2, 'the token knows of those alone';
        is envid_of($m), token_of($m), 'both marks';
        my @rcpts = ("c$enforce\@direct.test", $gone);
        submit($pf->port, 'app@example.net', \@rcpts, plain());
        $m = $mx->message_to($rcpts[0]) or return fail 'arrives';
        is recipients_in(token_of($m)), 1, 'one is left: a message to one alone';
    };
}

# ---- what comes back, from the remote Postfix and the remote Sendmail

# What the reports come to, without the name of the proof that `%by` has for each lane.
#   mail, opt    of the message; more: fields, big: a large body
#   to           local parts; those with 550 fail
#   aligned      the report comes from the recipient's mail server
#   bare         no milter sees it leave
#   signed       with DKIM
#   id           0: without Message-ID
my @rows = (
    ['the whole message returned', {}, { opt => { mail => 'RET=FULL' } }],
    ['headers returned', {}, { opt => { mail => 'RET=HDRS' } }],
    ['headers returned: it is large', {}, { big => 1 }],
    ['an ENVID of the client', { envid => 'none' }, { opt => { mail => 'ENVID=QQ RET=HDRS' } }],
    ['without Message-ID', {}, { id => 0 }],
    ['two recipients, one fails', { map { $_ => 'none' } qw(log milter key envid dkim) }, { to => ['fine', '550.5.1.1'] }],
    ['... from the recipient\'s own server', { key => 'none', envid => 'none', dkim => 'dkim' }, { to => ['fine', '550.5.1.1'], aligned => 1 }],
    ['mail of a list', { map { $_ => 'none' } qw(log milter key envid dkim) }, { more => "List-Id: <news.example.net>\n" }],
    ['... from the recipient\'s own server', { key => 'none', envid => 'none', dkim => 'dkim' }, { more => "List-Id: <news.example.net>\n", aligned => 1 }],
    ['no milter saw it leave', { milter => 'none', key => 'none', envid => 'none', dkim => 'none' }, { bare => 1 }],
    ['To is another', { dkim => 'dkim' }, { more_to => 'somebody@else.test' }],
    ['not signed', { dkim => 'none' }, { signed => 0 }],
);
my %lane = (
    log    => [{ log => { file => $pf->maillog } }, 'ledger'],
    milter => [{ ledger => 'milter' }, 'ledger'],
    key    => [{ ledger => 'none' }, 'tag'],
    envid  => [{ ledger => 'none', mark => ['envid'] }, 'envid'],
    dkim   => [{ ledger => 'milter', accept => ['dkim'] }, 'dkim'],
);

sub send_row {
    my ($row, $lane, $domain) = @_;
    my $n     = ++$number;
    my @rcpts = map { "$lane$n.$_\@$domain" } @{ $row->{to} // ['550.5.1.1'] };
    my $from  = ($row->{aligned} ? 'aligned' : 'app') . "$n\@example.net";
    my $text  = "From: $from\nTo: " . ($row->{more_to} // $rcpts[-1]) . "\nSubject: row $n\n"
        . strftime("Date: %a, %d %b %Y %H:%M:%S +0000\n", gmtime)
        . ($row->{id} // 1 ? "Message-ID: <row$n.$$\@example.net>\n" : '') . ($row->{more} // '')
        . "\n" . ($row->{big} ? "a line of the text\n" x 20_000 : "Hello.\n");
    $text = $proof->sign($text) if $lane eq 'dkim' && ($row->{signed} // 1);
    my $r = submit($pf->port($row->{bare} ? BARE : MILTER), $from, \@rcpts, $text, %{ $row->{opt} || {} });
    return { from => $from, rcpt => $rcpts[-1], taken => $r->{data} };
}

# The ledger is written a moment after a message has left. Only then the remote
# Postfix goes on with what it holds.
sub wait_ledger {
    my ($before, $lane) = @_;
    my %misses = (log => 0, milter => 1, dkim => 1);    # but for what no milter saw
    my $all = 0;
    $all += $_->[2]{to} ? @{ $_->[2]{to} } : 1 for @rows;
    return if !defined $misses{$lane};
    ok wait_for(sub { $proof->rows >= $before + $all - $misses{$lane} }, 20), 'the ledger has them'
        or diag $proof->rows, " rows, $before before";
    return;
}

sub release {
    $remote->command('postsuper', '-H', 'ALL');
    $remote->flush;
    return;
}

# Sendmail gives its report to the far server; from there it comes to us.
sub hand_over {
    my ($sent, $row) = @_;
    my $report = $far->message_to($sent->{from}, 20) or return;
    return if $report->{sender} ne '';
    submit($pf->port, '', [$sent->{from}], $report->{data}, source => $row->{aligned} ? ALIGNED : STRANGER, helo => 'mx.remote.test');
    return;
}

sub comes_back {
    my ($server, $domain) = @_;
    for my $lane (sort keys %lane) {
        my ($conf, $by) = @{ $lane{$lane} };
        configure($conf);
        subtest "$server, $lane" => sub {
            my $before = $proof->rows;
            my @sent   = map { send_row($_->[2], $lane, $domain) } @rows;
            ok $pf->queue_empty(20), 'all have left';
            wait_ledger($before, $lane);
            release();
            my $patience = 20;
            for my $i (0 .. $#rows) {
                my ($name, $but, $row) = @{ $rows[$i] };
                my $sent = $sent[$i];
                like $sent->{taken}, qr/^250/, "$name: taken";
                hand_over($sent, $row) if $server eq 'Sendmail';
                my $report = $mx->message_to($sent->{from}, $patience);
                if (!$report) {
                    fail("$name: a report comes");
                    $patience = 1;
                    next;
                }
                is $report->{sender}, '', '... from the null sender';
                wait_for(sub { became($sent->{rcpt}) ne 'nothing' }, 10);
                my $want = $but->{$lane} // $by;
                is became($sent->{rcpt}), $want eq 'none' ? 'none unproven' : "$want suppress", $name
                    or diag explain [grep { $_->{recipient} eq $sent->{rcpt} } $daemon->dump_json('--unverified')];
                is !!$site->is_suppressed($sent->{rcpt}), $want ne 'none', '... and is suppressed or not';
            }
        };
    }
    return;
}

comes_back('Postfix', 'remote.test');
comes_back('Sendmail', 'sendmail.test');

# ---- reports that come at once, and nothing but the ledger to prove them

for my $lane (qw(log milter)) {
    configure({ 'key-file' => undef, %{ $lane{$lane}[0] } });
    subtest "at once, ledger = $lane" => sub {
        my $sent = send_row({}, $lane, 'remote.test');
        like $sent->{taken}, qr/^250/, 'taken';
        ok wait_for(sub { release(); $mx->message_to($sent->{from}, 0.1) }, 20), 'a report comes';
        wait_for(sub { became($sent->{rcpt}) ne 'nothing' }, 10);
        is became($sent->{rcpt}), 'ledger suppress', 'is proven';
    };
}

# ---- reject-unverified

configure({ ledger => 'milter', 'reject-unverified' => 'yes' });
subtest 'reject-unverified' => sub {
    my $lie = sub { BM::Site->report(recipients => [{ final => $_[0] }]) };
    my $r = submit($pf->port, '', ['app@example.net'], $lie->('lie1@remote.test'), source => STRANGER);
    is $r->{data} =~ s/\n.*//sr, '550 5.7.1 nothing shows that this report is about mail of ours', 'one that proves nothing is refused';
    ok wait_for(sub { became('lie1@remote.test') eq 'none unproven' }, 10), '... and kept';
    like submit($pf->port, 'x@remote.test', ['app@example.net'], $lie->('lie2@remote.test'), source => STRANGER)->{data},
        qr/^250/, 'not one with a sender';
    like submit($pf->port, '', ['null@example.net'], plain(), source => STRANGER)->{data}, qr/^250/, 'not other mail of the null sender';
    like submit($pf->port, 'x@remote.test', ['else@example.net'], plain(), source => STRANGER)->{data}, qr/^250/, 'not ordinary mail';
    ok $mx->message_to($_, 10), "$_ has it" for 'null@example.net', 'else@example.net';

    my $sent = send_row({}, 'genuine', 'remote.test');
    ok $pf->queue_empty(20), 'a genuine message leaves';
    release();
    my $report = $mx->message_to($sent->{from}, 20);
    ok $report, 'its report is taken';
    like became($sent->{rcpt}), qr/^(?:ledger|tag) suppress\z/, '... and acts';

    # The local lane: our own report, and one by sendmail(1).
    submit($pf->port, 'own@example.net', ['own.550.5.1.1@direct.test'], plain());
    ok $mx->message_to('own@example.net', 20), 'our own report comes';
    ok wait_for(sub { became('own.550.5.1.1@direct.test') eq 'local suppress' }, 10), '... and acts'
        or diag became('own.550.5.1.1@direct.test');
    my ($status, $err) = $pf->sendmail('-i', '-f', '', 'shell@example.net', $lie->('lie3@remote.test'));
    is $status, 0, 'a lie by sendmail(1) is taken' or diag $err;
    ok $mx->message_to('shell@example.net', 20), '... and passes';
    ok wait_for(sub { became('lie3@remote.test') eq 'none unproven' }, 10), '... without a proof';
};

# ---- the daemon away

$daemon->stop;
leaves('while the daemon is away', marks => '');
subtest 'sendmail(1) while the daemon is away' => sub {
    is scalar $pf->sendmail('-f', 'app@example.net', 'away@direct.test', plain()), 0, 'taken';
    my $m = $mx->message_to('away@direct.test', 30) or return fail 'arrives';
    is tags_of($m), 0, 'no mark';
};
ok $pf->queue_empty(10), 'nothing is left in the queue';
unlike $pf->log, qr/ESMTP parameter|cleanup.*warning: (?!connect to Milter|milter)/, 'Postfix complains of no mark';

# ---- Sendmail as our own MTA

subtest 'Sendmail marks what leaves' => sub {
    my $home = tempdir();
    my $its  = BM::Daemon->new(dir => $home, conf => { %common, 'own-clients' => ['127.0.0.1'],
        'postfix-config' => "$home/no-postfix", ledger => 'milter', enforce => 'milter' })->start;
    my $marking = BM::Sendmail->new(dir => $home, mx_port => $mx->port, milter => $its->socket)->start;
    mkdir "$home/bare";
    my $without = BM::Sendmail->new(dir => "$home/bare", mx_port => $mx->port)->start;
    my @case = (
        ['by SMTP', {}, 'both'],
        ['an ENVID of the client', { mail => 'ENVID=QQ RET=HDRS' }, 'tag'],
        ['RET of the client', { mail => 'RET=HDRS' }, 'both'],
        ['8-bit', { mail => 'BODY=8BITMIME' }, 'both', 1],
        ['the null sender', {}, '', 0, ''],
        ['NOTIFY of the client', { rcpt => 'NOTIFY=NEVER' }, 'both'],
    );
    for (@case) {
        my ($name, $opt, $marks, $eight, $from) = @$_;
        my %m;
        for my $sm ($marking, $without) {
            my $rcpt = 'smta' . ++$number . '@direct.test';
            my $text = with_body($eight ? "caf\xc3\xa9\n" : "Hello.\n.\n", "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                . "Content-Transfer-Encoding: " . ($eight ? '8bit' : '7bit') . "\n");
            my $r = submit($sm->port, $from // 'app@example.net', [$rcpt], $text, %$opt);
            like $r->{data}, qr/^250/, "$name: taken" or diag explain $r;
            $m{$sm == $marking} = $mx->message_to($rcpt, 20) or fail("$name: arrives at $rcpt"), last;
        }
        my ($m, $as) = @m{ 1, '' };
        next if !$m || !$as;
        my $token = token_of($m);
        is tags_of($m), $marks eq '' ? 0 : 1, "$name: the field";
        is envid_of($m), $marks eq 'both' ? $token : $marks eq 'tag' ? 'QQ' : undef, '... ENVID';
        is $m->{sender}, $as->{sender}, '... the sender';
        is body_of($m), body_of($as), '... the body';
        my @others = map { join ' ', grep { !/^(?:ENVID|SIZE)=/ } split ' ', $_->{mail} } $m, $as;
        is $others[0], $others[1], '... the other parameters';
        is_deeply $m->{rcpt}[0] =~ s/smta\d+//gr, $as->{rcpt}[0] =~ s/smta\d+//gr, '... those of the recipient';
    }
    my ($status, $err) = $marking->sendmail('-i', '-f', 'app@example.net', 'smtaprogram@direct.test', plain());
    is $status, 0, 'by sendmail(1)' or diag $err;
    my $m = $mx->message_to('smtaprogram@direct.test', 20);
    ok $m, '... it arrives';    # unmarked: without submit.cf Sendmail asks no milter
    unlike $marking->log, qr/Milter \(bouncemilter\): |Milter: (?:timeout|error|to error)/, 'no trouble with the milter';
};

done_testing;
