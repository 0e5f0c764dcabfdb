#!/usr/bin/perl
# bouncemilter-web: what it answers, to whom and when; that its numbers are those of
# the store, also after a restart; and that the alerting rules, the dashboard and the
# manual know the same metrics.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use BM::Daemon;
use BM::Util qw(at_end prog run slurp spew tempdir top wait_for);

my $dir      = tempdir();
my $daemon   = BM::Daemon->new(dir => $dir, log => "$dir/maillog", args => ['--backfill'],
    conf => { 'postfix-config' => "$dir/no-postfix", 'own-domains' => ['example.com'] });
my ($promtool) = grep { -x } top() . '/build/promtool/promtool', map {"$_/promtool"} split /:/, $ENV{PATH};
die "no promtool: run t/lib/deps\n" if !$promtool;

# Start the program in the foreground; its port is in its first line.
sub web {
    my (@args) = @_;
    my $prefix = ref $args[0] ? shift @args : [];
    my @cmd = (@$prefix, prog('bouncemilter-web'), '-f', '-c', $daemon->conf_file, @args);
    my $web = { log => "$dir/web-" . ++our $webs };
    $web->{pid} = fork // die "fork: $!\n";
    if (!$web->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDERR, '>', $web->{log} or POSIX::_exit(126);
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        POSIX::_exit(127);
    }
    at_end(sub { end_web($web, 'KILL') if $web->{pid} });
    $web->{port} = wait_for(sub { slurp($web->{log}) =~ m{ listens at http://\S+:(\d+)/$}m ? $1 : 0 }, 20)
        or diag slurp($web->{log});
    return $web;
}

# Returns the exit status.
sub end_web {
    my ($web, $signal) = @_;
    kill $signal, $web->{pid};
    my $ended = wait_for(sub { waitpid($web->{pid}, POSIX::WNOHANG()) == $web->{pid} }, 20);
    my $status = $?;
    $web->{pid} = 0 if $ended;
    return $ended ? $status : 'it does not end';
}

my $web = web('-l', '127.0.0.1:0');

sub connection {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port // $web->{port}, Timeout => 10);
}

# All that comes until the other side closes.
sub rest {
    my ($socket, $timeout) = @_;
    my ($all, $end) = ('', time + ($timeout // 30));
    while (time < $end) {
        next if !IO::Select->new($socket)->can_read(1);
        my $got = sysread $socket, my $part, 65536;
        return $all if !$got;
        $all .= $part;
    }
    return "$all\n(nobody closes)";
}

# Status, header and body of the answer to these bytes.
sub raw {
    my ($bytes, $port) = @_;
    my $socket = connection($port) or return (0, 'no connection', '');
    local $SIG{PIPE} = 'IGNORE';
    print {$socket} $bytes;
    my ($head, $body) = split /\r\n\r\n/, rest($socket), 2;
    return (($head // '') =~ m{^HTTP/1\.[01] (\d+)} ? $1 : 0, $head, $body // '');
}

sub request {
    my ($path, %opt) = @_;
    my $method = $opt{method} // 'GET';
    return raw("$method $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" . ($opt{more} // '') . "\r\n"
        . ($opt{body} // ''));
}

# "name{labels}" => number.
sub metrics { return metrics_of((request('/metrics'))[2]) }

sub metrics_of {
    my ($text) = @_;
    return { map { /^(bouncemilter_\S+?(?:\{.*\})?) (\d+)$/ ? ($1 => $2) : () } split /\n/, $text };
}

# Those of bouncemilter-dump that are not 0, in the same form.
sub counters {
    return { map { /^(\S.*?) +(\d+)$/ && $2 ? ("bouncemilter_$1" => $2) : () } split /\n/, $daemon->dump('--counters') };
}

sub counted {
    my ($metrics) = @_;
    return { map { /^\w+_total\b/ && $metrics->{$_} ? ($_ => $metrics->{$_}) : () } keys %$metrics };
}

subtest 'there is no store yet' => sub {
    my ($status, undef, $body) = request('/metrics');
    is $status, 503, '/metrics';
    unlike $body, qr{/}, 'no path is told';
    ($status, undef, $body) = request('/healthz');
    is $status, 503, '/healthz';
    is $body, "the store cannot be read\nthe daemon does not run\n", 'each reason has its line';
    is +(request('/'))[0], 200, 'the index is there';
    my @said = slurp($web->{log}) =~ /state\.lmdb/g;
    is @said, 1, 'its log says it, once';
};

# Two attempts of one message, a delivery, and a line that nobody knows.
my $now = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime);
sub line { my ($id, $rest) = @_; return "$now mta postfix/smtp[1]: $id: to=$rest, delay=1, delays=0/0/0/1" }
my $where = 'relay=mx.secret.test[192.0.2.25]:25';
my $log = line('ABCDEF1', "<gone\@secret.test>, $where") . ', dsn=5.1.1, status=bounced'
    . " (host mx.secret.test[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n"
    . line('ABCDEF2', "<there\@secret.test>, $where") . ", dsn=2.0.0, status=sent (250 ok)\n"
    . "$now mta postfix/smtpd[2]: what is this\n";
spew("$dir/maillog", $log);
$daemon->start;
is +($daemon->suppress('--add', 'by.hand@secret.test', '--reason', 'test'))[0], 0, 'a suppression by hand';
ok wait_for(sub { (counters()->{'bouncemilter_attempts_total{outcome="delivered"}'} // 0) == 1 }, 20), 'the log was read';

my ($status, $head, $text) = request('/metrics');
subtest 'the metrics' => sub {
    is $status, 200, 'status';
    like $head, qr{^Content-Type: text/plain; version=0\.0\.4; charset=utf-8\r?$}m, 'type';
    like $head, qr/^$_\r?$/m, $_ for 'X-Content-Type-Options: nosniff', 'Cache-Control: no-store',
        "Content-Security-Policy: default-src 'none'.*", 'X-Frame-Options: DENY', 'Referrer-Policy: no-referrer';
    my $m = metrics_of($text);
    is_deeply counted($m), counters(), 'the counters are those of bouncemilter-dump';
    is $m->{bouncemilter_up}, 1, 'the daemon runs';
    is $m->{bouncemilter_log_lane}, 1, 'and reads a log';
    is $m->{'bouncemilter_suppressed_addresses{table="main",category="user-unknown"}'}, 1, 'one is suppressed';
    is $m->{'bouncemilter_suppressed_addresses{table="main",category="manual"}'}, 1, 'and one by hand';
    is $m->{'bouncemilter_store_bytes{environment="state"}'}, -s $daemon->state_dir . '/state.lmdb', 'size of the store';
    cmp_ok abs(time - $m->{bouncemilter_metrics_timestamp_seconds}), '<', 120, 'time';
    my ($last) = sort { $b <=> $a } map { $_->{id} // $_->{event} // 0 } $daemon->dump_json('--events');
    is $m->{bouncemilter_journal_sequence}, $daemon->dump_json('--events'), 'as many events as there are';
    unlike $text, qr/secret|192\.0\.2|\@|mx\.|mta/, 'no address, domain or host';
    my ($rc, $out, $err) = run({ stdin => $text }, $promtool, 'check', 'metrics');
    is "$rc$out$err", '0', 'promtool finds nothing';
};

subtest 'a restart of the daemon changes no counter' => sub {
    my $before = counted(metrics());
    is $daemon->stop, 0, 'it stops';
    is metrics()->{bouncemilter_up}, 0, 'and is down';
    my ($status, undef, $body) = request('/healthz');
    is "$status $body", "503 the daemon does not run\n", '/healthz says so';
    $daemon->start;
    is metrics()->{bouncemilter_up}, 1, 'it is up again';
    is_deeply counted(metrics()), $before, 'the same numbers';
    is_deeply counters(), $before, 'and those of bouncemilter-dump';
    ($status, undef, $body) = request('/healthz');
    is "$status $body", "200 ok\n", '/healthz';
    my ($rc, $out, $err) = run('curl', '--noproxy', '*', '-fsS', "http://127.0.0.1:$web->{port}/healthz");
    is "$rc $out$err", "0 ok\n", 'also for curl';
    open my $fh, '>>', "$dir/maillog" or die "$!\n";
    print {$fh} $log =~ s/ABCDEF/BCDEF/gr =~ s/gone/gone.too/r;
    close $fh;
    ok wait_for(sub { counted(metrics())->{'bouncemilter_attempts_total{outcome="failed"}'} == 2 }, 20), 'then they go on';
    is_deeply counted(metrics()), counters(), 'alike';
};

subtest 'requests' => sub {
    my ($status, $head, $body) = request('/metrics', method => 'HEAD');
    is $status, 200, 'HEAD';
    is $body, '', 'has no body';
    cmp_ok $head =~ /^Content-Length: (\d+)/m ? $1 : 0, '>', 1000, 'but its length';
    is +(request($_))[0], 404, $_ for '/metrics/', '/Metrics', '/../metrics', '/%2e%2e/etc/passwd', '//', '*';
    is +(request('/metrics?x=/healthz'))[0], 200, 'a query is passed over';
    for my $method (qw(POST PUT DELETE OPTIONS TRACE PATCH BREW get)) {
        my ($status, $head) = request('/metrics', method => $method);
        is $status, 405, $method;
        like $head, qr/^Allow: GET, HEAD\r?$/m, 'with Allow';
    }
    is +(request('/metrics', method => 'POST', more => "Content-Length: 3\r\n", body => 'x=1'))[0], 405, 'POST with a body';
    is +(request('/metrics', more => "Content-Length: 3\r\n", body => 'x=1'))[0], 400, 'GET with a body';
    is +(request('/metrics', more => "Content-Length: 99999999999999\r\n"))[0], 400, '... that would be long';
    is +(request('/metrics', more => "Transfer-Encoding: chunked\r\n", body => "1\r\nx\r\n0\r\n\r\n"))[0], 400, '... in chunks';
    cmp_ok +(request('/' . 'x' x 40000))[0], '>=', 400, 'a long path';
    cmp_ok +(request('/metrics', more => 'X: ' . 'x' x 40000 . "\r\n"))[0], '>=', 400, 'a long header';
    cmp_ok +(raw("GET /metrics HTTP/1.1\r\n\r\n"))[0], '>=', 400, 'without Host';
    srand 1;
    for my $garbage ("\0" x 100, "\xff\xfe\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "GET\r\n\r\n",
        "GET /metrics\r\n\r\n", "GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
        map { join('', map { chr int rand 256 } 1 .. 2000) . "\r\n\r\n" } 1 .. 20) {
        my $socket = connection() or last;
        local $SIG{PIPE} = 'IGNORE';
        print {$socket} $garbage;
        shutdown $socket, 1;
        my $answer = rest($socket);
        next if $answer !~ m{ 200 | bouncemilter_};
        fail 'garbage is answered with metrics: ' . substr $garbage, 0, 40;
    }
    is +(request('/healthz'))[0], 200, 'after garbage it answers';
    my @all = map { scalar connection() } 1 .. 20;
    is scalar(grep { defined } @all), 20, '20 connections at once';
    print {$_} "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" for @all;
    is scalar(grep { rest($_) =~ m{^HTTP/1\.1 200 .*bouncemilter_up 1\n}s } @all), 20, 'all are answered';
};

subtest 'a slow client' => sub {
    my @slow = map { scalar connection() } 1 .. 10;
    print {$_} 'GET /metr' for @slow;
    is +(request('/metrics'))[0], 200, 'holds up nobody';
    unlike rest($_, 60), qr/nobody closes|bouncemilter_/, 'and is closed' for @slow;
};

subtest 'a critical incident of rule self' => sub {
    my $put = sub {
        my ($rule, $severity) = @_;
        my $text = "id 1\nrule $rule\nseverity $severity\nsince 1700000000\nopened 1700000000\nnewest 1700000000\n";
        my $dump = "VERSION=3\nformat=bytevalue\ndatabase=incidents\ntype=btree\nmapsize=" . (1 << 30)
            . "\nHEADER=END\n 0000000000000001\n " . unpack('H*', $text) . "\nDATA=END\n";
        my ($rc, undef, $err) = run({ stdin => $dump }, 'mdb_load', '-n', $daemon->state_dir . '/state.lmdb');
        is $rc, 0, "an incident: $rule, $severity" or diag $err;
    };
    $put->('self', 'warning');
    is +(request('/healthz'))[0], 200, 'all is well';
    is metrics()->{'bouncemilter_incidents_open{rule="self",severity="warning"}'}, 1, 'in the metrics';
    $put->('auth', 'critical');
    is +(request('/healthz'))[0], 200, 'still';
    $put->('self', 'critical');
    my ($status, undef, $body) = request('/healthz');
    is "$status $body", "503 a critical incident of rule self is open\n", 'and now not';
};

subtest 'another store' => sub {
    $daemon->stop;
    rename $daemon->state_dir . "/$_", $daemon->state_dir . "/$_.old" or die "$_: $!\n" for 'state.lmdb';
    is +(request('/metrics'))[0], 503, 'none';
    spew("$dir/maillog", '');
    $daemon->start;
    my $m = metrics();
    is $m->{bouncemilter_up}, 1, 'a new one';
    is_deeply counted($m), counters(), 'with counters of its own';
    is $m->{'bouncemilter_attempts_total{outcome="failed"}'}, 0, 'which begin at 0';
    is_deeply [grep {/suppressed_addresses/} keys %$m], [], 'and with nobody suppressed';
    like slurp($web->{log}), qr/can be read again/, 'its log says it';
};

subtest 'where it listens' => sub {
    for my $bad ('127.0.0.1', '127.0.0.1:', ':9793', '127.0.0.1:65536', '127.0.0.1:x', 'localhost:9793', '::1:9793',
        '[127.0.0.1]:1', '[::1]', '[::1:9793', '127.0.0.1:-1', '256.0.0.1:1', '') {
        my ($rc, $out, $err) = run(prog('bouncemilter-web'), '-f', '-c', $daemon->conf_file, '-l', $bad);
        is $rc, 2, "\"$bad\"" or diag $out, $err;
    }
    my ($rc, undef, $err) = run(prog('bouncemilter-web'), '-f', '-c', $daemon->conf_file, '-l', "127.0.0.1:$web->{port}");
    is $rc, 69, 'a port in use';
    like $err, qr/cannot listen at 127\.0\.0\.1:\d+: Address already in use/, 'is named';
    is +(run(prog('bouncemilter-web'), '-f', '-c', "$dir/none", '-l', '127.0.0.1:0'))[0], 78, 'no configuration';
    is +(run(prog('bouncemilter-web'), 'x'))[0], 2, 'an argument too many';
    {
        my $six = web('-l', '[::1]:0');
        my $socket = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $six->{port});
        print {$socket} "GET /healthz HTTP/1.0\r\n\r\n";
        like rest($socket), qr{^HTTP/1\.\d 200 }, '[::1] answers';
        is end_web($six, 'TERM'), 0, 'and ends';
    }
    {
        # All addresses of a network that nobody is in.
        my $open = web(['unshare', '-n'], '-l', '0.0.0.0:0');
        ok wait_for(sub { slurp($open->{log}) =~ /0\.0\.0\.0 is no loopback address/ }, 10), 'another address is warned of';
        is end_web($open, 'TERM'), 0, 'and ends';
    }
    unlike slurp($web->{log}), qr/loopback/, 'loopback is not';
};

subtest 'it ends when it is told to' => sub {
    my $busy = connection();
    print {$busy} 'GET /metr';
    is end_web($web, 'TERM'), 0, 'SIGTERM, with a client there';
    my $again = web('-l', '127.0.0.1:0');
    is end_web($again, 'INT'), 0, 'SIGINT';
    like slurp($again->{log}), qr/ stopped$/m, 'and says so';
    # In the background it has left us: it is known by its configuration.
    my $port = do { my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1); $s->sockport };
    is +(run(prog('bouncemilter-web'), '-c', $daemon->conf_file, '-l', "127.0.0.1:$port"))[0], 0, 'without -f the parent ends';
    my ($pid) = grep { slurp("/proc/$_/cmdline") =~ /^\S*bouncemilter-web\0-c\0\Q@{[$daemon->conf_file]}\E\0/ }
        map { m{(\d+)} } glob '/proc/[0-9]*';
    ok $pid, 'and the child stays';
    is +(raw("GET /healthz HTTP/1.0\r\n\r\n", $port))[0], 200, 'and answers' if $pid;
    kill 'TERM', $pid if $pid;
    ok wait_for(sub { !connection($port) }, 20), 'until it is told to end';
};

my %labels;    # of each metric
for (split /\n/, $text) {
    $labels{$1} //= '' if /^# TYPE (\S+)/;
    my ($name, $of) = /^(\w+)\{(.*)\}/ or next;
    $labels{$name} = join ',', $of =~ /(\w+)=/g;
}

subtest 'bouncemilter-web(8) lists the metrics' => sub {
    my %page = slurp(top() . '/man/bouncemilter-web.8') =~ /^\.It Cm (bouncemilter_\w+)(?:\{(\S+)\})?$/mg;
    $_ //= '' for values %page;
    is_deeply [sort keys %page], [sort keys %labels], 'the same names';
    for (sort grep { $labels{$_} } keys %page) {
        is $page{$_}, $labels{$_}, "$_: labels";
    }
};

# The metrics of an expression, and what it asks of their labels, are there.
sub check_expression {
    my ($expr, $name) = @_;
    my @wrong;
    $expr =~ s/\$__rate_interval/5m/g;
    while ($expr =~ /\b(bouncemilter_\w+)(?:\{([^}]*)\})?/g) {
        my ($metric, $matchers) = ($1, $2 // '');
        push @wrong, "no $metric" if !exists $labels{$metric};
        for ($matchers =~ /(\w+="[^"\$]*")/g) {
            push @wrong, "no $metric with $_" if $text !~ /^$metric\{(?:.*,)?\Q$_\E[,}]/m;
        }
    }
    is_deeply \@wrong, [], $name;
    return;
}

my $rules = slurp(top() . '/contrib/prometheus-alerts.yml');
subtest 'alerting rules' => sub {
    my ($rc, $out, $err) = run($promtool, 'check', 'rules', top() . '/contrib/prometheus-alerts.yml');
    is $rc, 0, 'promtool check rules' or diag $out, $err;
    ($rc, $out, $err) = run($promtool, 'test', 'rules', top() . '/contrib/prometheus-alerts-test.yml');
    is $rc, 0, 'promtool test rules' or diag $out, $err;
    my @alerts = split /^ +- alert: /m, $rules;
    shift @alerts;
    cmp_ok scalar @alerts, '>=', 10, 'alerts';
    my ($start, @tests) = split /^(?=  - name: )/m, slurp(top() . '/contrib/prometheus-alerts-test.yml');
    for my $alert (@alerts) {
        my ($name) = $alert =~ /^(\w+)/;
        spew("$dir/prometheus-alerts-test.yml", join '', $start, grep { /^  - name: .*\b$name\b/ } @tests);
        my ($expr) = $alert =~ /^ +expr: (.*?)(?=^ +(?:for|labels):)/ms;
        check_expression($expr, "$name: metrics");
        like $alert, qr/^ +$_:/m, "$name has a $_" for qw(severity summary description);
        like $alert, qr/bouncemilter-alerts\(7\)/, '... which names the manual';
        # One that never fires, and one that always does, is found out by its test.
        for my $broken ('vector(0) > 1', 'vector(1) > 0') {
            my $changed = $rules;
            $changed =~ s/(- alert: $name\n +expr: ).*?(?=^ +(?:for|labels):)/$1$broken\n/ms or die "$name\n";
            spew("$dir/prometheus-alerts.yml", $changed);
            is +(run($promtool, 'test', 'rules', "$dir/prometheus-alerts-test.yml"))[0], 1, "$name is tested: $broken";
        }
    }
};

subtest 'the dashboard' => sub {
    my $board = decode_json(slurp(top() . '/contrib/grafana-dashboard.json'));
    cmp_ok $board->{schemaVersion}, '>=', 30, 'version';
    is_deeply [map { $_->{type} } grep { $_->{name} eq 'datasource' } @{ $board->{templating}{list} }], ['datasource'],
        'the source of data is chosen by the site';
    my (%id, %place);
    for my $panel (@{ $board->{panels} }) {
        is $id{ $panel->{id} }++, 0, "$panel->{title}: a number of its own";
        my $at = $panel->{gridPos};
        my $taken = 0;
        for my $x ($at->{x} .. $at->{x} + $at->{w} - 1) {
            $taken += $place{"$x $_"}++ || 0 for $at->{y} .. $at->{y} + $at->{h} - 1;
        }
        is $taken, 0, 'and a place';
        cmp_ok $at->{x} + $at->{w}, '<=', 24, 'on the page';
        is $panel->{datasource}{uid}, '${datasource}', 'its source';
        check_expression($_->{expr}, $_->{expr}) for @{ $panel->{targets} };
        # What Prometheus cannot read is found out as a rule.
        my $rule = 0;
        spew("$dir/panel.yml", "groups:\n- name: x\n  rules:\n" . join '', map { $rule++;
            my $expr = $_->{expr} =~ s/\$__rate_interval/5m/gr =~ s/\$instance/.*/gr;
            "  - record: x:$rule\n    expr: '$expr'\n" } @{ $panel->{targets} });
        my ($rc, $out, $err) = run($promtool, 'check', 'rules', "$dir/panel.yml");
        is $rc, 0, 'Prometheus can read it' or diag $out, $err;
    }
    check_expression($_->{definition}, $_->{name}) for grep { $_->{definition} } @{ $board->{templating}{list} };
};

subtest 'the unit' => sub {
    my $unit = slurp(top() . '/contrib/bouncemilter-web.service');
    $unit =~ s{\@sbindir\@/bouncemilter-web}{prog('bouncemilter-web')}e or fail 'ExecStart';
    spew("$dir/bouncemilter-web.service", $unit);
    my (undef, $out, $err) = run('systemd-analyze', 'verify', '--man=no', "$dir/bouncemilter-web.service");
    is $out . $err, '', 'systemd-analyze verify';
    (undef, $out) = run('systemd-analyze', 'security', '--offline=true', "$dir/bouncemilter-web.service");
    my ($exposure) = $out =~ /exposure level for \S+: (\d+\.\d)/;
    cmp_ok $exposure // 10, '<', 2, 'little is exposed';
};

is $daemon->stop, 0, 'the daemon stops in order';
done_testing;
