#!/usr/bin/perl
# A provider says for two hours that nobody lives there. The breaker lets 50
# through and holds the rest; other providers go on. Then a person looks, undoes
# it, and changes his mind: each time, what bouncemilter-dump prints is what it
# was, byte for byte.
#
# The log is written by the test, with the time stamps of two hours; the breaker
# goes by the clock, for which all of it is one moment.
#
# What makes this test fail: an allowance that is off by one, or that kill -9
# begins anew (store/breaker.c), a provider that is not the one whose servers
# spoke (pipeline.c), an entry that comes back with another time, or not at all
# (operate.c, store/cause.c, store/undo.c).

use strict;
use warnings;
use POSIX ();
use Test::More;
use BM::Daemon;
use BM::Load;
use BM::MailLog;
use BM::Util qw(at_end prog slurp spew tempdir top wait_for);

use constant { ALLOWANCE => 50, PEOPLE => 500, HOUR => 3600 };

my $dir = tempdir();
spew("$dir/maillog", '');
my $daemon = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir, 'alert breaker' => { enabled => 'yes' }), log => "$dir/maillog");
spew("$dir/rules/providers.list", slurp(top() . '/rules/providers.list'));
$daemon->start;
my $log   = BM::MailLog->new(file => "$dir/maillog");
my $lines = 0;

my %host = (Google => 'gmail-smtp-in.l.google.com', Yahoo => 'mta5.am0.yahoodns.net', elsewhere => 'mx.elsewhere.test');

# One attempt at a provider, as lines of the log.
sub attempt {
    my ($provider, $address, $word, $time) = @_;
    $lines++;
    return $log->lines($address, $word, time => $time // time) =~ s/mx\.remote\.test/$host{$provider}/gr;
}

sub is_read {
    return !!wait_for(sub {
        my $sum = 0;
        $sum += $_ for $daemon->dump('--counters') =~ /^attempts_total\S* +(\d+)$/mg;
        return $sum >= $lines;
    }, 60);
}

# All that is printed of who is suppressed and held.
sub dumps { return join "--\n", map { $daemon->dump(@$_) } [], ['--held'], ['--json'], ['--held', '--json'] }

# The addresses of these, sorted; in scalar context, how many.
sub addresses {
    my ($what, $like) = @_;
    my @addresses = sort grep { /$like/ } map { $_->{address} } $daemon->dump_json(@$what);
    return @addresses;
}

# The number of the batch that a command made of so many.
sub batch {
    my ($count, @args) = @_;
    my ($status, $out, $err) = $daemon->suppress(@args);
    is $status, 0, "@args" or diag $out, $err;
    like $out, qr/^batch (\d+): $count changed$/m, "$count changed";
    return $out =~ /^batch (\d+): /m ? $1 : 0;
}

sub is_right {
    my (undef, $out) = $daemon->suppress('--verify');
    is $out, "standings: right, tables: right\n", 'verified';
    return;
}

my $noon = time - 2 * HOUR;
my $text = join '', map { attempt('elsewhere', "before$_\@elsewhere.test", 'gone', $noon - HOUR) } 1 .. 3;
$log->append($text);
ok is_read(), 'what was before';
$daemon->suppress('--add', 'hand@gmail.com', '--reason', 'asked for it');
my $before = dumps();
is scalar(addresses([], qr/./)), 4, 'four are suppressed';

subtest 'everybody unknown at one provider' => sub {
    my $mistake = '';
    for my $i (1 .. PEOPLE) {
        my $time = $noon + $i * 2 * HOUR / PEOPLE;
        $mistake .= attempt('Google', "user$i\@gmail.com", 'gone', $time);
        $mistake .= attempt('elsewhere', "user$i\@elsewhere.test", $i % 25 ? 'sent' : 'gone', $time) if $i % 5 == 0;
    }
    $log->append($mistake);
    ok is_read(), 'the log is read';
    is scalar(addresses([], qr/^user.*\@gmail/)), ALLOWANCE, 'the allowance is suppressed';
    is scalar(addresses(['--held'], qr/^user.*\@gmail/)), PEOPLE - ALLOWANCE, 'the rest is held';
    is scalar(addresses([], qr/^user.*\@elsewhere/)), PEOPLE / 25, 'the other provider goes on';
    is scalar(addresses(['--held'], qr/\@elsewhere/)), 0, '... and nothing of it is held';
    my ($last) = $daemon->dump_json('--events', '--address', 'user' . PEOPLE . '@gmail.com');
    is $last->{decision}, 'hold', 'the last one is held';
    like $last->{reason}, qr/^breaker: /, '... and it says why';
    is_right();
};

subtest 'it is shown' => sub {
    my ($status, $out) = $daemon->suppress('--breaker');
    is $status, 0, '--breaker';
    like $out, qr/^Google +\d{4}-\S+Z +450$/m, 'who, since when, and how much is held';
    is scalar(() = $out =~ /\n/g), 2, 'nobody else';
};

my $mistake = dumps();

subtest 'filters' => sub {
    for (['Google', 500], ['google.com', 500], ['GMAIL.com', 500], ['elsewhere.test', 20], ['nowhere.test', 0]) {
        my (undef, $out) = $daemon->suppress('--undo', '--since', '150m', '--provider', $_->[0], '--dry-run');
        like $out, qr/^$_->[1] would be changed$/m, "--provider $_->[0]";
    }
    my ($rule) = map { $_->{rule} } $daemon->dump_json('--events', '--address', 'user1@gmail.com');
    for ([$rule, 520], [substr($rule, 0, 3) . '*', 520], ['no-such-rule', 0]) {
        my (undef, $out) = $daemon->suppress('--undo', '--since', '150m', '--rule', $_->[0], '--dry-run');
        like $out, qr/^$_->[1] would be changed$/m, "--rule $_->[0]";
    }
    is dumps(), $mistake, 'nothing was changed';
};

subtest 'release and discard, and both taken back' => sub {
    my $released  = batch(1, '--release', '--address', 'user499@gmail.com', '--reason', 'called him');
    is_deeply [addresses([], qr/^user499\@gmail/)], ['user499@gmail.com'], 'suppressed while it is frozen';
    my $discarded = batch(449, '--discard', '--provider', 'Google');
    is scalar(addresses(['--held'], qr/./)), 0, 'nothing is held';
    like $daemon->dump('--explain', 'user498@gmail.com'), qr/discard: by command, batch $discarded$/m, 'on the record';
    batch(449, '--undo', '--batch', $discarded);
    batch(1, '--undo', '--batch', $released);
    is dumps(), $mistake, 'all as before';
    my ($status, $out) = $daemon->suppress('--undo', '--batch', $released);
    is $status, 1, 'once is enough';
    is $out, "0 changed\n1 taken back already\n", 'and it says so';
    ($status, undef, my $err) = $daemon->suppress('--undo', '--batch', $released + 1_000_000);
    is $status, 75, 'a batch that is not there';
    like $err, qr/there is no batch \d+$/, 'it says so';
    is_right();
};

subtest 'undo, and undo of the undo' => sub {
    my @google = ('--undo', '--since', '150m', '--provider', 'Google', '--reason', 'their outage');
    my $first = batch(500, @google);
    is scalar(addresses([], qr/gmail/)), 1, 'nobody at that provider is suppressed but by hand';
    my $elsewhere = batch(20, '--undo', '--since', '150m');
    is dumps(), $before, 'as it was before';
    is_right();
    batch(20, '--undo', '--batch', $elsewhere);
    my $second = batch(500, '--undo', '--batch', $first);
    is dumps(), $mistake, 'as it was before the undo';
    is_right();
    batch(500, '--undo', '--batch', $second);
    is scalar(addresses([], qr/gmail/)), 1, 'undone again';
    is scalar(addresses(['--held'], qr/./)), 0, '... and nothing is held';
    batch(500, '--undo', '--batch', $first);
    is dumps(), $mistake, 'and back';
    is_right();
};

# However far it came: the same command does the rest.
subtest 'a command that is killed' => sub {
    for my $wait (0.005, 0.02, 0.08) {
        my @google = ('--undo', '--since', '150m');
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            open STDOUT, '>', '/dev/null' or POSIX::_exit(126);
            { no warnings 'exec'; exec { prog('bouncemilter-suppress') } 'bouncemilter-suppress', '-c', $daemon->conf_file, @google; }
            POSIX::_exit(127);
        }
        select undef, undef, undef, $wait;
        kill 'KILL', $pid;
        waitpid $pid, 0;
        $daemon->suppress(@google);
        is dumps(), $before, "killed after $wait s: undone by the next one";
        is_right();
        my %batch = map { m{by command, batch (\d+)$} ? ($1 => 1) : () } map { $_->{reason} }
            (grep { $_->{source} eq 'operator' } $daemon->dump_json('--events', '--since', '30s'))[-520 .. -1];
        $daemon->suppress('--undo', '--batch', $_) for sort { $a <=> $b } keys %batch;
        is dumps(), $mistake, '... and taken back';
    }
};

subtest 'kill -9' => sub {
    my $text = join '', map { attempt('Yahoo', "user$_\@yahoo.com", 'gone', $noon + $_) } 1 .. 300;
    $log->append($text);
    ok wait_for(sub { () = addresses([], qr/yahoo/) }, 20), 'some are there';
    $daemon->kill9;
    $daemon->start;
    ok is_read(), 'the rest is read';
    is scalar(addresses([], qr/yahoo/)), ALLOWANCE, 'the allowance, no more';
    is scalar(addresses(['--held'], qr/yahoo/)), 300 - ALLOWANCE, 'the rest is held';
    my (undef, $out) = $daemon->suppress('--breaker');
    like $out, qr/^Google .* 450\nYahoo .* 250$/m, 'both are frozen';
    is join('', grep { !/yahoo/ } split /^/m, dumps()), $mistake, 'the others are as they were';
    is_right();
};

subtest 'what is held, and alive' => sub {
    $log->append(attempt('Google', 'user500@gmail.com', 'sent'));
    ok is_read(), 'a delivery';
    is_deeply [addresses(['--held'], qr/^user500\@gmail/)], [], 'is not held any more';
    is_deeply [addresses([], qr/^user500\@gmail/)], [], 'nor suppressed';
};

subtest 'free' => sub {
    my ($status, $out) = $daemon->suppress('--free', 'gmail.com');
    is $status, 0, '--free';
    like $out, qr/^Google is free;/, 'it says so';
    is scalar(addresses(['--held'], qr/gmail/)), 449, 'what is held stays held';
    ($status, $out) = $daemon->suppress('--free', 'Google');
    is $status, 1, 'it is free already';
    is $out, "Google is not frozen\n", 'it says so';
    (undef, $out) = $daemon->suppress('--breaker');
    unlike $out, qr/Google/, 'not shown any more';
    $log->append(attempt('Google', 'next@gmail.com', 'gone'));
    ok is_read(), 'the next one';
    is_deeply [addresses([], qr/^next\@/)], ['next@gmail.com'], 'is suppressed';
    is_right();
};

is $daemon->stop, 0, 'a clean end' or diag $daemon->log;

done_testing;
