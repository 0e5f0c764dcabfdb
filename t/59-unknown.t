#!/usr/bin/perl
# bouncemilter-dump --unknown: the texts that no rule knows, as templates, and
# how the missing rule would look.
#
# What makes this test fail: texts that differ in an id only and are counted
# apart, events of a known category among them, memory that grows with their
# number, a hint that is no rule.

use strict;
use warnings;
use POSIX qw(strftime);
use Test::More;
use BM::Daemon;
use BM::Load;
use BM::Milter;
use BM::Site;
use BM::Util qw(prog run slurp spew tempdir wait_for);

use constant { DAY => 86400, KEPT => 10_000 };

my $dir = tempdir();
my $now = time;
spew("$dir/maillog", '');

my $lines = 0;

# A line of Postfix: this server said this to a message for that recipient.
sub line {
    my ($rcpt, $text, %opt) = @_;
    $lines++;
    my $host = $opt{host} // 'mx' . $lines % 3 . '.one.test';
    return sprintf "%s mta postfix/smtp[1]: %s: to=<%s>, relay=%s[192.0.2.%d]:25, delay=1, delays=0/0/0/1, dsn=5.0.0,"
        . " status=%s (host %s[192.0.2.%d] said: %s (in reply to RCPT TO command))\n",
        strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($opt{time} // $now)), sprintf('A%09X', $lines), $rcpt, $host, $lines % 250,
        $opt{status} // 'bounced', $host, $lines % 250, $text;
}

# Days: 4 messages three days ago and today, with all that may differ.
my $log = '';
for my $i (1 .. 8) {
    $log .= line("user$i\@one.test",
        sprintf('550 5.9.9 <user%d@one.test>: The sky is green over 192.0.2.%d today, see https://help.one.test/?q=%d (id 4Xh%dB0Qm1z)',
            $i, $i, $i * 999, $i * 17),
        time => $now - ($i <= 4 ? 3 * DAY : 0));
}
$log .= line("other$_\@two.test", '554 The sky is "green" \\o/ today', host => 'mx.two.test') for 1 .. 5;
$log .= line("gone$_\@one.test", '550 5.1.1 User unknown') for 1 .. 20;
$log .= line("bare$_\@three.test", '550', host => 'mx.three.test') for 1 .. 2;
$log .= line('later@one.test', '450 4.9.9 The moon is new', status => 'deferred');
$log .= line('fine@one.test', '250 ok', status => 'sent') =~ s/dsn=5/dsn=2/r;
spew("$dir/maillog", $log);

my $daemon = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir), log => "$dir/maillog", args => ['--backfill'])->start;
sub events { return scalar(() = $daemon->dump('--counters') =~ /^attempts_total/mg) && scalar $daemon->dump_json('--events') }
is wait_for(sub { my $n = events(); $n >= 36 && $n }, 20), 36, 'all of the log is on the record';

# A stranger's report, for the ring.
sub hand_in {
    my ($message) = @_;
    my ($head, $body) = split /\n\n/, $message, 2;
    my @headers = map { [/^([^:]+): (.*)$/s] } split /\n(?![ \t])/, $head;
    my $milter = BM::Milter->new($daemon->socket);
    $milter->client('203.0.113.7', 25);
    return $milter->message('<>', ['<app@example.com>'], \@headers, [$body =~ s/\n/\r\n/gr]);
}
for my $i (1 .. 3) {
    my $report = BM::Site->report(recipients => [{ final => "ring$i\@one.test", status => '5.0.0', remote => 'mx.one.test',
        text => "550 5.9.9 <ring$i\@one.test>: The sky is green over 198.51.100.$i today, see https://help.one.test/?q=x$i (id 5Yi${i}C1Rn2aa)" }]);
    like hand_in($report), qr/^[ac]$/, 'accepted';
}
ok wait_for(sub { $daemon->dump_json('--unverified') == 3 }, 10), 'three unverified ones';

my $sky = '<address>: The sky is green over <ip> today, see https://help.one.test/<tail> (id <id>)';

subtest 'templates, counted' => sub {
    my @rows = $daemon->dump_json('--unknown');
    is_deeply [map { "$_->{count} $_->{provider}: $_->{template}" } @rows],
        ["11 one.test: $sky", '5 two.test: The sky is "green" \\o/ today', '2 three.test: ', '1 one.test: The moon is new'],
        'the most frequent first, and no known ones';
    my $top = $rows[0];
    is_deeply [@$top{qw(unverified code status)}], [3, 550, '5.9.9'], 'unverified ones among them, a code, a status';
    like $top->{text}, qr/^550 5\.9\.9 <user\d\@one\.test>: The sky/, 'an example as it was';
    is $top->{first}, strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($now - 3 * DAY)), 'first seen';
    cmp_ok $top->{last}, 'ge', strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($now)), 'last seen';
};

subtest 'filters and formats' => sub {
    is_deeply [map { $_->{count} } $daemon->dump_json('--unknown', @$_[1 .. $#$_])], $_->[0], "@$_[1 .. $#$_]"
        for [[11, 5], '--limit', 2], [[11, 5, 2, 1], '--limit', 0], [[5], '--domain', 'two.test'], [[1], '--address', 'user3@one.test'],
        [[4], '--until', '2d'], [[7, 5, 2, 1], '--since', '2d'], [[11], '--status', '5.9'], [[], '--domain', 'none.test'];
    my @csv = split /\n/, $daemon->dump('--unknown', '--csv');
    is $csv[0], 'template,provider,count,unverified,first,last,code,status,text', 'CSV: the head';
    like $csv[2], qr{^"The sky is ""green"" \\o/ today","two\.test",5,0,.*,554,}, 'CSV: a row';
    my $text = $daemon->dump('--unknown', '--limit', 3);
    like $text, qr{^ +COUNT +FIRST +LAST +CODE STATUS +PROVIDER\n +11 \S{10} \S{10} 550  5\.9\.9    one\.test, 3 unverified\n    <address>: The sky}m, 'text';
    like $text, qr/^    \(no words\)$/m, 'a bare code has no words';
    like $text, qr/^\.\.\. and 1 more$/m, 'more are told of';
    is_deeply [grep { length > 79 } split /\n/, $text], [], 'fits into 80 columns';
    my ($status) = $daemon->tool('bouncemilter-dump', '--unknown', '--domain', 'none.test');
    is $status, 1, 'nothing: status 1';
    for (['--category', 'unknown'], ['--postmap'], ['--limit', 'x'], ['--limit', '-1'], ['--events']) {
        ($status, undef, my $err) = $daemon->tool('bouncemilter-dump', '--unknown', @$_);
        is $status, 2, "@$_: wrong usage";
        like $err, qr/^bouncemilter-dump: .+\nTry/, '... and why';
    }
    ($status) = $daemon->tool('bouncemilter-dump', '--limit', 3);
    is $status, 2, '--limit is for --unknown';
};

# The hint, with a category, is a rule that knows the text.
subtest 'the hint is a rule' => sub {
    for my $c ([[], 11, 'The sky is green over 203.0.113.99 today'], [['--domain', 'two.test'], 5, 'The sky is "green" \\o/ today']) {
        my ($filter, $count, $words) = @$c;
        my $text = $daemon->dump('--unknown', @$filter);
        my ($rule) = $text =~ /^    (local\.1 - .* CATEGORY)$/m or fail "no hint in $text";
        mkdir "$dir/try";
        spew("$dir/try/my.rules", $rule =~ s/CATEGORY/content-rejected/r . "\n");
        my $code = $count == 11 ? '550 5.9.9' : '554';
        my ($status, $out, $err) = run({ stdin => "$code $words\n" }, prog('bouncemilter-classify'), '-r', "$dir/try", '--replies');
        is $status . $err, '0', $rule;
        like $out, qr/content-rejected \(local\.1\)$/m, 'it knows the text';
    }
};

# Words in the place of a number: texts that have nothing in common.
sub word { my ($n) = @_; return join '', map { chr 97 + $n / 26**$_ % 26 } reverse 0 .. 4 }

subtest 'more texts than are kept' => sub {
    my ($text, $more) = ('', $ENV{BM_SOAK} ? 1_000_000 : KEPT * 2 + 500);
    for my $i (0 .. $more - 1) {
        $text .= line("m$i\@many.test", '550 5.9.9 Odd ' . word($i) . ' thing', host => 'mx.many.test');
        $text .= line("f$i\@many.test", '550 5.9.9 A frequent thing', host => 'mx.many.test') if $i % 100 == 0;
    }
    my $frequent = int(($more + 99) / 100);
    open my $file, '>>', "$dir/maillog" or die $!;
    print $file $text;
    close $file;
    my $all = 36 + $more + $frequent;
    my $recorded = sub { my ($sum) = (0); $sum += $_ for $daemon->dump('--counters') =~ /^events_total\S* +(\d+)$/mg; return $sum };
    ok wait_for(sub { $recorded->() >= $all }, $ENV{BM_SOAK} ? 1800 : 60), 'all are on the record' or diag $recorded->();
    my @rows = $daemon->dump_json('--unknown', '--limit', 0);
    cmp_ok scalar @rows, '<=', KEPT, 'not all are kept';
    is_deeply [map { "$_->{count} $_->{template}" } @rows[0, 1]], ["$frequent A frequent thing", "11 $sky"], 'those that matter are';
    my $said = $daemon->dump('--unknown');
    my ($forgotten) = $said =~ /^\.\.\. and (\d+) events with texts too rare to be kept$/m;
    my $kept = 0;
    $kept += $_->{count} for @rows;
    is $kept + ($forgotten // 0), 19 + $more + $frequent, 'and what is forgotten is told';
    # A sanitizer's shadow has no room there.
    my $room = slurp(prog('bouncemilter-dump')) =~ /__asan_init/ ? 'unlimited' : 60_000;
    my ($status, undef, $err) = run({ timeout => 600 }, 'sh', '-c', "ulimit -d $room; exec \"\$0\" \"\$@\" >/dev/null",
        prog('bouncemilter-dump'), '-c', $daemon->conf_file, '--unknown', '--csv');
    is $status . $err, '0', "in $room KB";
};

is $daemon->stop, 0, 'a clean end';
done_testing;
