#!/usr/bin/perl
# bouncemilter-dump --incidents: what goes wrong, for a person and for a program.
#
# What makes this test fail: one that is over among the open ones, an order that
# is not that of time, a filter that lets others through, a server's words that
# look like a line of ours, or a line that is wider than a terminal.

use strict;
use warnings;
use POSIX qw(strftime);
use Test::More;
use BM::Daemon;
use BM::Util qw(prog run slurp tempdir top);

use constant { DAY => 86400, HOUR => 3600 };

my $dir = tempdir();
my $now = time;
my $daemon = BM::Daemon->new(dir => $dir);

# An incident: the fields that differ from those of all.
sub incident {
    my ($id, %more) = @_;
    my %field = (
        rule => 'auth', severity => 'warning', since => $now - HOUR, opened => $now - HOUR, domain => 'example.com',
        recipients => 9, category => 'auth-failure', %more);
    my $text = "id $id\n";
    for my $name (sort keys %field) {
        $text .= "$name $_\n" for ref $field{$name} ? @{ $field{$name} } : $field{$name};
    }
    return "$text\n";
}

# As the daemon, so that the files are its own.
sub put {
    my $owner = "use POSIX; POSIX::setgid((getpwnam 'nobody')[3]); POSIX::setuid((getpwnam 'nobody')[2]); exec \@ARGV";
    my ($status, undef, $err) = run({ stdin => join '', @_ }, $^X, '-e', $owner, helper('put_incidents'), $daemon->state_dir);
    is $status . $err, '0', 'written';
    return;
}
sub helper { return prog('t/lib/' . shift) }

sub ids { my (@args) = @_; return [map { $_->{id} } $daemon->dump_json('--incidents', @args)] }

subtest 'no store, an empty one' => sub {
    my ($status, undef, $err) = $daemon->tool('bouncemilter-dump', '--incidents');
    is $status, 75, 'there is no store yet';
    like $err, qr/bouncemilter makes the store/, '... and who makes it';
    put();
    my ($out);
    for (['--incidents'], ['--incidents', '--all', '--json'], ['--incident', 1]) {
        ($status, $out, $err) = $daemon->tool('bouncemilter-dump', @$_);
        is "$status,$out,$err", '1,,', "@$_: nothing, status 1";
    }
};

my $word = 'x' x 300;
put(
    incident(1, severity => 'critical', opened => $now - 2 * DAY, since => $now - 2 * DAY, newest => $now - 2 * DAY + HOUR,
        closed => $now - 2 * DAY + 2 * HOUR, subcause => 'spf', at => ['9 Google']),
    incident(2, subcause => 'dkim', severity => 'critical', at => ['200 Google', '112 Yahoo'], by => ['312 auth-failure/dkim'],
        code => ['312 550 5.7.26'], recipients => 312, messages => 300, failures => 312, attempts => 5000, selector => 's1',
        newest => $now, text => ['550-5.7.26 This mail has been blocked ' . $word,
            "550 5.7.26 \xe2\x9c\x93 ok\\nincident 99: critical, auth, since 2026-01-01T00:00:00Z, open \x01\x1b[31m"],
        diagnosis => 'DKIM s1._domainkey.example.com: no such name\nSPF pass', notified => 2, 'notified-time' => $now - 60,
        'notified-recipients' => 20),
    incident(3, rule => 'hygiene', domain => 'example.org', category => 'user-unknown', failures => 612, attempts => 10032,
        opened => $now - 3 * HOUR, since => $now - DAY),
    incident(4, rule => 'blocklist', category => 'ip-blocklisted', subcause => 'spamhaus-zen', address => '192.0.2.1',
        at => ['9 GMX'], opened => $now - 60, closed => $now, newest => $now),
    incident(256, rule => 'self', condition => 'log-silent', cause => 'the mail log is silent while mail flows', domain => ''),
);

subtest 'which ones, in which order' => sub {
    for ([[256, 3, 2]], [[256, 4, 3, 2, 1], '--all'], [[256, 4], '--all', '--limit', 2], [[256, 4, 3, 2, 1], '--all', '--limit', 0],
        [[3], '--domain', 'Example.ORG'], [[4, 2, 1], '--all', '--domain', 'example.com'], [[], '--domain', 'none.example'],
        [[1], '--all', '--until', '1d'], [[256, 4, 2], '--all', '--since', '2h'], [[3], '--since', '4h', '--until', '2h'])
    {
        my ($want, @args) = @$_;
        is_deeply ids(@args), $want, "--incidents @args";
    }
    is_deeply [map { $_->{id} } $daemon->dump_json('--incident', $_)], [$_], "--incident $_" for 1, 3, 256;
    for (5, 257) {
        my ($status, $out) = $daemon->tool('bouncemilter-dump', '--incident', $_);
        is "$status$out", '1', "--incident $_: there is none";
    }
};

subtest 'JSON' => sub {
    my ($one) = $daemon->dump_json('--incident', 2);
    my $since = strftime('%H:%M', gmtime $now - HOUR);
    like $one->{sentence}, qr/^DKIM is failing at Google and Yahoo for example\.com since (?:\S+ )?$since UTC: 312 recipients, selector s1$/,
        'the sentence';
    is_deeply [@$one{qw(rule severity domain subcause selector recipients attempts closed)}],
        ['auth', 'critical', 'example.com', 'dkim', 's1', 312, 5000, undef], 'its fields';
    is_deeply $one->{providers}, [{ name => 'Google', recipients => 200 }, { name => 'Yahoo', recipients => 112 }], 'providers';
    is $one->{opened}, strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $now - HOUR), 'a time';
    my ($page) = slurp(top() . '/man/bouncemilter-dump.8') =~ /^An incident\.\n.*?^\.Bl .*?\n(.*?)^\.El/ms;
    is_deeply [sort keys %$one], [sort $page =~ /^\.It (\w+)$/mg], 'the manual has all of them';
    ok !exists $one->{notice}, 'nobody is told of it now';
    unlike $one->{texts}[1], qr/[\x00-\x1f]/, 'texts without control characters';
    is scalar(split /\n/, $daemon->dump('--json', '--incidents', '--all')), 5, 'a line each';
};

subtest 'for a person' => sub {
    my $text = $daemon->dump('--incidents', '--all');
    my @heads = $text =~ /^(incident .*)$/mg;
    is scalar @heads, 5, 'a line begins each of them, and no words of servers do';
    like $heads[0], qr/^incident 256: warning, self, since \S+Z, open$/, 'the newest first';
    like $heads[4], qr/^incident 1: critical, auth, since \S+Z, closed$/, 'one that is over';
    like $text, qr/^  SPF was failing at Google for example\.com from \S+ \S+ to (?:\S+ )?\S+ UTC:/m, '... is told as such';
    like $text, qr/^  6\.1 % of the recipients of example\.org do not exist \(612 of 10032 in\n? *24 hours\)$/m, 'a ratio';
    like $text, qr/^  what to do +bouncemilter-alerts\(7\), section auth$/m, 'where the advice is';
    like $text, qr/^ .*s1\._domainkey\.example\.com: no such name$/m, 'the diagnosis';
    utf8::decode($text);
    is_deeply [grep { length > 80 } split /\n/, $text], [], 'fits into 80 columns';
    unlike $text, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'no control characters';
    like $daemon->dump('--incidents', '--limit', 1), qr/^\.\.\. and 2 more$/m, 'more are told of';
    unlike $daemon->dump('--incidents', '--limit', 3), qr/more$/m, '... but not if there are none';
};

subtest 'wrong usage' => sub {
    for (['--incidents', '--address', 'a@example.com'], ['--incidents', '--category', 'auth-failure'], ['--incidents', '--csv'],
        ['--incidents', '--status', '5.7'], ['--incidents', '--postmap'], ['--incidents', '--limit', 'x'], ['--incidents', '--incident', 1],
        ['--incident', 0], ['--incident', 'x'], ['--incident', 1, '--all'], ['--incident', 1, '--domain', 'example.com'], ['--all'],
        ['--events', '--all'])
    {
        my ($status, undef, $err) = $daemon->tool('bouncemilter-dump', @$_);
        is $status, 2, "@$_";
        like $err, qr/^bouncemilter-dump: .+\nTry/, '... and why';
    }
};

# More than a page of the walk; the daemon may write meanwhile.
subtest 'many' => sub {
    put(map { incident($_, domain => "d$_.example", $_ % 2 ? (closed => $now) : ()) } 1001 .. 3500);
    is_deeply ids('--limit', 2), [3500, 3498], 'the newest first';
    is scalar @{ ids() }, 1250 + 3, 'all that are open';
    is scalar @{ ids('--all') }, 2505, 'all';
};

done_testing;
