#!/usr/bin/perl
# bouncemilter-classify --diagnose: what is wrong with the authentication of a
# domain, as a person asks it.

use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use BM::Proof;
use BM::Util qw(prog run slurp spew tempdir top);

my $dir   = tempdir();
my $prog  = prog('bouncemilter-classify');
my $proof = BM::Proof->new(dir => $dir, domain => 'example.com');

$proof->key('example.com', 's1')->key('example.com', 'short', 768)->key('esp.test', 'e1');
# The same names without one key.
my $without = "$dir/without";
my @names   = (
    'example.com TXT "v=spf1 ip4:192.0.2.0/24 -all"',
    'example.com TXT "some-verification=x"',
    '_dmarc.example.com TXT "v=DMARC1; p=quarantine; sp=none"',
    '25.2.0.192.in-addr.arpa PTR mail.example.com.', 'mail.example.com A 192.0.2.25',
    '26.2.0.192.in-addr.arpa PTR mail.example.com.',
    'down.test FAIL', '_dmarc.down.test FAIL', 's1._domainkey.down.test FAIL', '7.2.0.192.in-addr.arpa FAIL',
    'esp.test TXT "v=spf1 ip4:192.0.2.0/24 -all"',
    'odd.test TXT "v=spf1 \027[2J -all"',
);
spew($without, join("\n", @names) . "\n");
my $zone = $proof->zone(@names);

my $message = "From: News <news\@example.com>\nTo: user\@example.org\nSubject: All that is new\n"
    . "Message-ID: <1\@example.com>\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n\nHello.\n";
my $signed = $proof->sign($message);
spew("$dir/signed",  $signed);
spew("$dir/plain",   $message);
spew("$dir/altered", $signed =~ s/All that/all that/r);
spew("$dir/body",    $signed =~ s/Hello/Good bye/r);
spew("$dir/esp",     $proof->sign($message, 'esp.test', 'e1'));
# Nobody signs with a key as short as that any more; it only stands in DNS.
spew("$dir/short", (run({ stdin => $message }, prog('t/lib/sign_message'), 'example.com', 'short', "$dir/s1.example.com.pem"))[1]);

# Status, output, errors.
sub ask { my %opt = ref $_[0] ? %{ +shift } : (); return run(\%opt, $prog, '--zone', $opt{zone} // $zone, '--diagnose', @_) }

# "SPF good", ... of the answer, and the cause.
sub states { my ($out) = @_; return join ', ', $out =~ /^((?:SPF|DKIM|DMARC|PTR) \w+):/mg }
sub cause  { my ($out) = @_; return $out =~ /^Most likely: (.*)\z/ms ? $1 =~ s/\s+/ /gr =~ s/ \z//r : '' }

my @all = ('example.com', '--ip', '192.0.2.25');

subtest 'all is good' => sub {
    my ($status, $out, $err) = ask(@all, "$dir/signed");
    is $status . $err, '0', 'nothing is bad';
    is states($out), 'SPF good, DKIM good, DMARC good, DMARC good, PTR good', 'each is said';
    is cause($out), '', 'no cause';
    like $out, qr/^    example\.com TXT: "v=spf1 ip4:192\.0\.2\.0\/24 -all"$/m, 'DNS is quoted';
    unlike $out, qr/some-verification/, '... what matters of it';
    like $out, qr/^    s1\._domainkey\.example\.com TXT: "v=DKIM1; k=rsa;\n +p=\w{10,60}\.\.\.$/m, '... a good key only begun';
    is_deeply [grep { length > 79 } split /\n/, $out], [], 'fits into 80 columns';
    ($status, $out) = ask({ stdin => $signed =~ s/\n/\r\n/gr }, @all, '-');
    is $status, 0, 'standard input, CRLF';
    is states($out), 'SPF good, DKIM good, DMARC good, DMARC good, PTR good', '... the same';
};

subtest 'each broken record is found' => sub {
    my @cases = (
        ['a key that is gone', [@all, "$dir/signed"], 'SPF good, DKIM bad, DMARC good, DMARC good, PTR good',
            'the key s1._domainkey.example.com does not exist in DNS', $without],
        ['... by its selector', ['example.com', '--selector', 's2'], 'SPF unknown, DKIM bad, DMARC good, DMARC unknown, PTR unknown',
            'the key s2._domainkey.example.com does not exist in DNS'],
        ['a key that is short', [@all, "$dir/short"], 'SPF good, DKIM bad, DMARC good, DMARC good, PTR good',
            'the key short._domainkey.example.com is too short: 768 bits, it needs 1024'],
        ['no signature', [@all, "$dir/plain"], 'SPF good, DKIM bad, DMARC good, DMARC good, PTR good',
            'the message has no DKIM signature'],
        ['a message that was altered', [@all, "$dir/altered"], 'SPF good, DKIM bad, DMARC good, DMARC good, PTR good',
            'the signature of example.com with s1 does not verify: the header does not match'],
        ['... its body', [@all, "$dir/body"], 'SPF good, DKIM bad, DMARC good, DMARC good, PTR good',
            'the signature of example.com with s1 does not verify: the body does not match'],
        ['an address of others', ['example.com', '--ip', '198.51.100.1', '--selector', 's1'],
            'SPF bad, DKIM good, DMARC good, DMARC unknown, PTR bad',
            'the SPF record of example.com does not allow 198.51.100.1 (fail)'],
        ['signed by another', ['esp.test', '--ip', '192.0.2.25', "$dir/esp"],
            'SPF good, DKIM good, DMARC good, DMARC bad, PTR good',
            'nothing is aligned with From example.com: SPF is of esp.test, DKIM of esp.test'],
        ['no policy', ['esp.test', '--ip', '192.0.2.25'], 'SPF good, DKIM unknown, DMARC bad, DMARC good, PTR good',
            'esp.test has no DMARC record; Google and Yahoo ask for one of who sends in bulk'],
        ['a name that does not lead back', ['example.com', '--ip', '192.0.2.26'],
            'SPF good, DKIM unknown, DMARC good, DMARC good, PTR bad',
            'the name of 192.0.2.26 is mail.example.com, which does not lead back to it'],
    );
    for (@cases) {
        my ($name, $args, $states, $cause, $file) = @$_;
        my ($status, $out, $err) = ask({ zone => $file }, @$args);
        is $status . $err, '1', $name;
        is states($out), $states, '... each is said';
        is cause($out), $cause, '... and the cause';
    }
};

# A report that returns these headers.
sub report {
    my ($headers) = @_;
    return "From: MAILER-DAEMON\@example.net\nTo: news\@example.com\nSubject: Undelivered\n"
        . "Date: Sat, 21 Nov 2026 10:05:00 +0000\n"
        . "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\n\nSorry.\n"
        . "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.net\n\n"
        . "Final-Recipient: rfc822; user\@example.org\nAction: failed\nStatus: 5.7.26\n"
        . "Diagnostic-Code: smtp; 550 5.7.26 Unauthenticated email is not accepted\n\n"
        . ($headers eq '' ? '' : "--b\nContent-Type: text/rfc822-headers\n\n$headers\n") . "--b--\n";
}

subtest 'a report' => sub {
    my ($headers) = $signed =~ /\A(.*?\n)\n/s;
    spew("$dir/report", report($headers));
    my ($status, $out, $err) = ask(@all, "$dir/report");
    is $status . $err, '0', 'the headers that it returns';
    like $out, qr/verifies\s+over\s+the\s+returned\s+headers/, '... are what is looked at';
    spew("$dir/report", report($headers =~ s/All that/all that/r));
    ($status, $out) = ask(@all, "$dir/report");
    is $status, 0, 'they may have been changed on their way';
    is states($out), 'SPF good, DKIM unknown, DMARC good, DMARC good, PTR good', '... so that is unknown';
    ($status, $out) = ask({ zone => $without }, @all, "$dir/report");
    is $status, 1, 'but the key is not there';
    is cause($out), 'the key s1._domainkey.example.com does not exist in DNS', '... and that is the cause';
    spew("$dir/report", report(''));
    ($status, $out, $err) = ask(@all, "$dir/report");
    like $err, qr/report: a report that returns no headers/, 'a report without headers';
    is states($out), 'SPF good, DKIM unknown, DMARC good, DMARC good, PTR good', '... all else is said';
};

subtest 'DNS fails' => sub {
    my ($status, $out, $err) = ask('down.test', '--ip', '192.0.2.7', '--selector', 's1');
    is $status, 75, 'all is unknown: try again later';
    is states($out), 'SPF unknown, DKIM unknown, DMARC unknown, PTR unknown', 'nothing is bad';
    is $err, '', 'no word besides';
};

subtest 'JSON' => sub {
    my ($status, $out, $err) = ask({ zone => $without }, @all, '--json', "$dir/signed");
    is $status . $err, '1', 'the status is the same';
    is $out =~ tr/\n//, 1, 'one line';
    my $told = decode_json($out);
    is_deeply [sort keys %$told], [qw(cause domain findings ip selector)], 'fields';
    is $told->{domain} . ' ' . $told->{ip}, 'example.com 192.0.2.25', 'what was asked';
    is $told->{cause}, 'the key s1._domainkey.example.com does not exist in DNS', 'the cause';
    is join(' ', map { "$_->{check}:$_->{state}" } @{ $told->{findings} }),
        'SPF:good DKIM:bad DMARC:good DMARC:good PTR:good', 'findings';
    is_deeply $told->{findings}[1], { check => 'DKIM', state => 'bad', text => $told->{cause},
        query => 's1._domainkey.example.com TXT', answer => 'NXDOMAIN' }, 'one of them';
    ($status, $out) = ask('odd.test', '--json');
    unlike $out, qr/\e/, 'no control characters of others';
    is decode_json($out)->{findings}[0]{answer}, '"v=spf1 ?[2J -all"', '... but a mark for them';
};

subtest 'the configuration' => sub {
    spew("$dir/conf", "rules-dir = \"${\top()}/rules\"\nstate-dir = \"$dir/state\"\npostfix-config = \"$dir/postfix\"\n"
        . "own-clients = { \"127.0.0.0/8\" }\nown-domains = { \"example.com\" }\ndns-zone = \"$zone\"\n");
    mkdir "$dir/postfix";
    spew("$dir/postfix/$_", '') for qw(main.cf master.cf);
    my ($status, $out, $err) = run($prog, '-c', "$dir/conf", '--diagnose', @all, "$dir/signed");
    is $status . $err, '0', 'its zone is asked';
    is states($out), 'SPF good, DKIM good, DMARC good, DMARC good, PTR good', '... and knows';
    spew("$dir/conf2", slurp("$dir/conf") . "outbound-address = \"192.0.2.25\"\n");
    ($status, $out) = run($prog, '-c', "$dir/conf2", '--diagnose', 'example.com', "$dir/signed");
    is states($out), 'SPF good, DKIM good, DMARC good, DMARC good, PTR good', 'its address is ours';
    ($status, $out) = run($prog, '-c', "$dir/conf2", '--diagnose', 'example.com', '--ip', '192.0.2.26');
    like $out, qr/^PTR bad: the name of 192\.0\.2\.26/m, '... unless another one is given';
    ($status, $out) = run($prog, '-c', "$dir/conf", '--zone', $without, '--diagnose', @all, "$dir/signed");
    is $status, 1, 'a zone of the command line goes before';
    ($status, $out, $err) = run($prog, '-c', "$dir/none", '--diagnose', @all);
    is $status, 78, 'no such configuration';
    like $err, qr{none: }, '... is said';
};

subtest 'what cannot be' => sub {
    spew("$dir/empty", '');
    spew("$dir/words", "just words\nand more\n");
    spew("$dir/badzone", "example.com FOO bar\n");
    my @cases = (
        [['nodots'], qr/--diagnose: "nodots" is no domain name/],
        [['a b.test'], qr/--diagnose: "a b\.test" is no domain name/],
        [['user@example.com'], qr/--diagnose: "user\@example\.com" is no domain name/],
        [['example.com', '--ip', '192.0.2'], qr/--ip: "192\.0\.2" is no IP address/],
        [['example.com', '--ip', '192.0.2.0/24'], qr/--ip: "192\.0\.2\.0\/24" is no IP address/],
        [['example.com', '--selector', ''], qr/--selector: "" is no selector/],
        [['example.com', '--selector', 'a b'], qr/--selector: "a b" is no selector/],
        [['example.com', '--selector', 'a..b'], qr/--selector: "a\.\.b" is no selector/],
        [['example.com', "$dir/nothing"], qr/nothing: No such file/],
        [['example.com', $dir], qr/Is a directory/],
        [['example.com', "$dir/empty"], qr/empty: empty; there should be a message/],
        [['example.com', "$dir/words"], qr/words: no message: it does not begin with a header field/],
        [['example.com', "$dir/plain", "$dir/plain"], qr/--diagnose looks at one file/],
        [['example.com', '--log'], qr/--diagnose goes with/], [['example.com', '-q'], qr/--diagnose goes with/],
        [['example.com', '-r', $dir], qr/--diagnose goes with/],
        [['example.com', '--diff', $dir, $dir], qr/--diagnose goes with/],
        [['example.com', '--zone', "$dir/badzone"], qr/badzone:1: /],
        [['example.com', '--zone', "$dir/nothing"], qr/nothing: there is no such file/],
    );
    for (@cases) {
        my ($args, $want) = @$_;
        my ($status, $out, $err) = ask(@$args);
        is $status . $out, '2', "@$args";
        like $err, $want, '... is said';
    }
    for my $option ('--ip=192.0.2.1', '--selector=s1', "--zone=$zone") {
        my ($status, undef, $err) = run({ stdin => '' }, $prog, $option);
        is $status, 2, "$option alone";
        like $err, qr/need --diagnose/, '... is said';
    }
    my ($status, undef, $err) = run('sh', '-c', "'$prog' --zone '$zone' --diagnose example.com >/dev/full");
    is $status, 1, 'a full disk';
    like $err, qr/standard output: No space left/, '... has a word';
};

done_testing;
