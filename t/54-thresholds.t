#!/usr/bin/perl
# When soft becomes hard. Four rules are in use in the field: never; five in a
# row; four attempts in seven hours; three messages on three days for a full
# mailbox. Each is a setting here, and for each there is what just reaches it,
# what just misses it, and what a delivery does.
#
# The log is written by the test, with the time stamps of months.
#
# What makes this test fail: a bound that is off by one, days that are not
# counted (policy.c), retries that count again, a delivery that resets nothing,
# or that resets what a server reported later (pipeline.c).

use strict;
use warnings;
use Test::More;
use BM::Clock;
use BM::Daemon;
use BM::Load;
use BM::MailLog;
use BM::Util qw(spew tempdir wait_for);

use constant { HOUR => 3600, DAY => 86400 };

my $midnight = int(time / DAY) * DAY;

# A daemon of its own with this configuration.
sub daemon {
    my ($category, %opt) = @_;
    my $dir = tempdir();
    spew("$dir/maillog", '');
    my $conf = BM::Load::conf($dir);
    my ($name, $settings) = $category =~ /^(category \S+) \{ (.*) \}$/ or die $category;
    $conf->{$name} = { $settings =~ /(\S+) = (\S+)/g };
    my $clock  = BM::Clock->new(dir => $dir);
    my $daemon = BM::Daemon->new(dir => $dir, conf => $conf, log => "$dir/maillog", env => $clock->env)->start;
    return { dir => $dir, daemon => $daemon, clock => $clock, log => BM::MailLog->new(file => "$dir/maillog") };
}

sub attempts {
    my ($d) = @_;
    my $sum = 0;
    $sum += $_ for $d->{daemon}->dump('--counters') =~ /^attempts_total\S* +(\d+)$/mg;
    return $sum;
}

# The events of an address: decisions, and those of the threshold by name.
sub story {
    my ($d, $address) = @_;
    return map { $_->{source} eq 'threshold' ? "threshold:$_->{decision}" : "$_->{outcome}:$_->{decision}" }
        $d->{daemon}->dump_json('--events', '--address', $address);
}

# "-3" is noon three days ago, "-3.22:15" that day at 22:15.
sub time_of {
    my ($text) = @_;
    my ($day, $hour, $minute) = $text =~ /^-(\d+)(?:\.(\d+):(\d+))?$/ or die "$text?";
    return $midnight - $day * DAY + ($hour // 12) * HOUR + ($minute // 0) * 60;
}

# A series is a list of "TIME WORD [MESSAGE]"; all of a rule are played in one
# log, in the order of time.
sub play {
    my ($category, @cases) = @_;
    my $d = daemon($category);
    my @attempts;
    for my $i (0 .. $#cases) {
        my ($time, $word, $message);
        for (@{ $cases[$i][1] }) {
            ($time, $word, $message) = split;
            push @attempts, [time_of($time), $i, $word, $message];
        }
    }
    my $text = '';
    for (sort { $a->[0] <=> $b->[0] } @attempts) {
        my ($time, $i, $word, $message) = @$_;
        $text .= $d->{log}->lines("case$i\@remote.test", $word, time => $time, defined $message ? (message => $message) : ());
    }
    $d->{log}->append($text);
    is wait_for(sub { my $n = attempts($d); $n >= @attempts && $n }, 20), @attempts, 'every attempt was counted';
    for my $i (0 .. $#cases) {
        my ($name, undef, $want) = @{ $cases[$i] };
        my @story = story($d, "case$i\@remote.test");
        is scalar(grep { $_ eq 'threshold:suppress' } @story), $want, ($want ? 'suppressed: ' : 'not: ') . $name or diag "@story";
        is_deeply [grep { /:suppress$/ && !/^threshold/ } @story], [], '... and by the threshold alone';
        my ($row) = grep { $_->{address} eq "case$i\@remote.test" } $d->{daemon}->dump_json;
        is !!$row, !!$want, '... and it is so now';
    }
    my (undef, $out) = $d->{daemon}->suppress('--verify');
    is $out, "standings: right, tables: right\n", 'verified';
    $d->{daemon}->kill9;    # libmilter takes its time to stop
    return;
}

subtest 'never' => sub {
    play('category mailbox-full { action = count }',
        ['forty messages in forty days', [map {"-$_ full"} 1 .. 40], 0],
        ['forty in an hour', [map { sprintf '-1.10:%02d full', $_ } 1 .. 40], 0],
        ['and at last refused for good', ['-3 full', '-2 full', '-1 full!'], 0],
    );
};

subtest 'five in a row' => sub {
    play('category mailbox-full { action = threshold count = 5 days = 1 consecutive = yes within = 0 }',
        ['five on one day', [map {"-1.$_:00 full"} 1 .. 5], 1],
        ['four', [map {"-1.$_:00 full"} 1 .. 4], 0],
        ['five in half a year', ['-180 full', '-120 full', '-60 full', '-30 full', '-1 full'], 1],
        ['five attempts of one message', [map {"-1.$_:00 full m"} 1 .. 5], 0],
        ['four and five attempts of a fifth', [(map {"-1.$_:00 full"} 1 .. 4), map {"-1.1$_:00 full m"} 1 .. 5], 1],
        ['four, a delivery, four', [(map {"-1.$_:00 full"} 1 .. 4), '-1.5:00 sent', map {"-1.1$_:00 full"} 1 .. 4], 0],
        ['four, a delivery, five', [(map {"-1.$_:00 full"} 1 .. 4), '-1.5:00 sent', map {"-1.1$_:00 full"} 1 .. 5], 1],
        ['another failure in between is none of them',
            [(map {"-1.$_:00 full"} 1 .. 4), '-1.5:00 grey', '-1.6:00 grey'], 0],
        ['and does not end the row', [(map {"-1.$_:00 full"} 1 .. 4), '-1.5:00 grey', '-1.6:00 full'], 1],
        ['deferred five times, then refused: still one message', [(map {"-1.$_:00 full m"} 1 .. 5), '-1.6:00 full! m'], 0],
    );
};

subtest 'four attempts in seven hours' => sub {
    play('category mailbox-full { action = threshold unit = attempt count = 4 days = 1 within = 7h }',
        ['four of one message in 6:59', ['-1.1:00 full m', '-1.2:00 full m', '-1.4:00 full m', '-1.7:59 full m'], 1],
        ['four in 7:00', ['-1.1:00 full m', '-1.2:00 full m', '-1.4:00 full m', '-1.8:00 full m'], 0],
        ['three', ['-1.1:00 full m', '-1.2:00 full m', '-1.4:00 full m'], 0],
        ['the last four of six', ['-1.1:00 full m', '-1.4:00 full m', '-1.8:30 full m', '-1.9:00 full m', '-1.9:30 full m',
            '-1.11:00 full m'], 1],
        ['over midnight', ['-2.22:00 full m', '-2.23:00 full m', '-1.1:00 full m', '-1.3:00 full m'], 1],
        ['of two messages', ['-1.1:00 full m', '-1.1:10 full n', '-1.2:00 full m', '-1.2:10 full n'], 1],
        ['three, a delivery, three', [(map {"-1.1:${_}0 full m"} 1 .. 3), '-1.2:00 sent', map {"-1.3:${_}0 full m"} 1 .. 3], 0],
        ['three and the end of it', [(map {"-1.1:${_}0 full m"} 1 .. 3), '-1.1:50 full! m'], 1],
    );
};

subtest 'three messages on three days' => sub {
    play('category mailbox-full { action = threshold count = 3 days = 3 within = 30d }',
        ['three messages on three days', ['-3 full', '-2 full', '-1 full'], 1],
        ['two minutes belong to two days', ['-3.23:59 full', '-2.00:01 full', '-1 full'], 1],
        ['on two days', ['-2.1:00 full', '-2.2:00 full', '-1 full'], 0],
        ['ten on one day', [map {"-1.$_:00 full"} 1 .. 10], 0],
        ['within 30 days', ['-30.12:00 full', '-20 full', '-1.12:00 full'], 1],
        ['not within 30 days', ['-31.12:00 full', '-20 full', '-1.12:00 full'], 0],
        ['but the last three of four', ['-31.12:00 full', '-20 full', '-10 full', '-1.12:00 full'], 1],
        ['two', ['-2 full', '-1 full'], 0],
        ['one message, retried on five days', [map {"-$_ full m"} 1 .. 5], 0],
        ['one retried on three days and two others on the last', ['-3 full m', '-2 full m', '-1.1:00 full m', '-1.2:00 full',
            '-1.3:00 full'], 0],
        ['two, a delivery, two', ['-6 full', '-5 full', '-4 sent', '-3 full', '-2 full'], 0],
        ['two, a delivery, three', ['-6 full', '-5 full', '-4 sent', '-3 full', '-2 full', '-1 full'], 1],
        ['one message deferred, then refused, and another one', ['-3 full m', '-2 full! m', '-1 full'], 0],
        ['refused for good three times', ['-3 full!', '-2 full!', '-1 full!'], 1],
    );
};

# A server that takes everything and reports the failure later: that it took
# another one says nothing. Ended by 30 days without a report.
subtest 'a server that accepts and reports later' => sub {
    my $d = daemon('category user-unknown { action = threshold count = 3 days = 3 within = 30d }');
    my ($daemon, $log, $clock) = @$d{qw(daemon log clock)};
    my $lines = 0;
    my $day   = 0;
    # What becomes of it on one day; the report comes before the mail.
    my $on = sub {
        my ($to, %words) = @_;
        $day = $to;
        $clock->set($day * DAY);
        for my $n (sort keys %words) {
            my $address = BM::Load::address($n);
            if ($words{$n} eq 'report') { BM::Load->run($daemon, dir => $d->{dir}, m => 'report', n => 1, f => $n) }
            else                        { $lines++; $log->add($address, $words{$n}, time => time + $day * DAY) }
        }
        return !!wait_for(sub { attempts($d) >= $lines }, 10);
    };
    ok $on->(0, 1 => 'report', 2 => 'gone', 3 => 'report'), 'day 0';
    ok $on->(1, 1 => 'sent',   2 => 'sent'), 'day 1';
    ok $on->(2, 1 => 'gone',   2 => 'gone'), 'day 2';
    ok $on->(3, 1 => 'sent'), 'day 3';
    ok $on->(4, 1 => 'gone',   2 => 'gone'), 'day 4';
    ok $on->(29, 3 => 'sent'), 'day 29';
    ok $on->(31, 3 => 'gone'), 'day 31';
    ok $on->(32, 3 => 'sent'), 'day 32';
    is_deeply [story($d, BM::Load::address(1))], ['failed:count', 'failed:count', 'failed:count', 'threshold:suppress'],
        'a delivery resets nothing there';
    is_deeply [story($d, BM::Load::address(2))], ['failed:count', 'delivered:reset', 'failed:count', 'failed:count'],
        'it does where the server refuses at once';
    is_deeply [story($d, BM::Load::address(3))], ['failed:count', 'failed:count', 'delivered:reset'],
        'and again when 30 days have passed without a report';
    is $daemon->stop, 0, 'a clean end';
};

done_testing;
