#!/usr/bin/perl
# bouncemilter-classify: what it reads, what it refuses, why it says what it says,
# and that neither the order nor memory depends on how many threads there are.

use strict;
use warnings;
use JSON::PP qw(decode_json);
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes qw(time);
use BM::Util qw(at_end prog run slurp spew tempdir top wait_for);

my $dir   = tempdir();
my $prog  = prog('bouncemilter-classify');
my $rules = top() . '/rules';
my $MIB   = 2**20;

# Runs it with these rules; status, output, errors.
sub classify { my %opt = ref $_[0] ? %{ +shift } : (); return run(\%opt, $prog, '-r', $rules, @_) }

sub objects { my ($text) = @_; return map { decode_json($_) } split /\n/, $text }

# A bounce of this recipient, with these words.
sub bounce {
    my ($to, $words, $body) = @_;
    $words //= '550 5.1.1 User unknown';
    my $status = $words =~ /([245]\.\d+\.\d+)/ ? $1 : '5.0.0';
    return "From: MAILER-DAEMON\@example.net\nTo: sender\@example.com\nSubject: Undelivered\n"
        . "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n"
        . "--b\n\nI'm sorry.\n" . ($body // '') . "\n--b\nContent-Type: message/delivery-status\n\n"
        . "Reporting-MTA: dns; mail.example.net\n\nFinal-Recipient: rfc822; $to\nAction: failed\nStatus: $status\n"
        . "Remote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; $words\n\n--b--\n";
}

my $SEPARATOR = "From MAILER-DAEMON Mon Jan  1 00:00:00 2024\n";
sub mbox { return join '', map { "$SEPARATOR$_\n" } @_ }

# name => first address, of all messages in the order of the answers.
sub told { return map { [$_->{file} =~ s{^\Q$dir\E/}{}r, $_->{recipients}[0]{address} // $_->{kind}] } objects($_[0]) }

# --- what is read -----------------------------------------------------------

subtest 'files, directories, standard input' => sub {
    mkdir "$dir/$_" for qw(read read/b read/b/c);
    spew("$dir/read/b/c/2", bounce('b-c-2@example.org'));
    spew("$dir/read/$_",    bounce("$_\@example.org")) for qw(z b10 b9 a);
    symlink "$dir/read/z", "$dir/read/b/link" or die $!;
    my ($status, $out, $err) = classify('-j', "$dir/read");
    is $status . $err, '0', 'a directory';
    is_deeply [map { $_->[0] } told($out)], [map {"read/$_"} qw(a b/c/2 b/link b10 b9 z)], 'in the order of the names';
    is_deeply [map { $_->[1] } told($out)],
        [map {"$_\@example.org"} qw(a b-c-2 z b10 b9 z)], '... a link is what it leads to';
    for my $args ([], ['-'], ['/dev/stdin']) {
        ($status, $out) = classify({ stdin => bounce('in@example.org') }, '-j', @$args);
        is_deeply [$status, told($out)], [0, [$args->[0] // '-', 'in@example.org']], "standard input: @$args";
    }
    ($status, $out, $err) = run('sh', '-c', "cat '$dir/read/z' | '$prog' -r '$rules' -j");
    is_deeply [told($out)], [['-', 'z@example.org']], 'a pipe';
    mkfifo("$dir/fifo", 0600) or die $!;
    ($status, $out, $err) = run('sh', '-c', "cat '$dir/read/z' >'$dir/fifo' & '$prog' -r '$rules' -j '$dir/fifo'");
    is_deeply [told($out)], [['fifo', 'z@example.org']], 'a FIFO that was named';
};

subtest 'a Maildir' => sub {
    mkdir "$dir/$_" for 'M', map { ("M/$_", "M/.Sent", "M/.Sent/$_") } qw(cur new tmp);
    spew("$dir/M/$_", bounce('m@example.org')) for 'cur/2:2,S', qw(cur/1 new/3 tmp/4 .Sent/cur/0);
    spew("$dir/M/$_", "3 no mail\n") for qw(dovecot-uidlist maildirsize .Sent/maildirfolder);
    my ($status, $out, $err) = classify('-j', "$dir/M/");
    is $status . $err, '0', 'its own files are passed over';
    is_deeply [map { $_->[0] } told($out)], [map {"M/$_"} '.Sent/cur/0', 'cur/1', 'cur/2:2,S', 'new/3', 'tmp/4'], 'the messages';
};

subtest 'an mbox' => sub {
    my $body = "a line\n\n>From the start\n>>From x Mon Jan  1 00:00:00 2024\n\nFrom the 3 of Jan on, 10:00 is fine in 2024\n"
        . "no empty line\n${SEPARATOR}still the same\n";
    my $mbox = mbox(bounce('1@example.org', undef, $body), "Subject: hello\n\n>From you\n", bounce('3@example.org'));
    for my $ending ("\n", "\r\n", "\r") {
        spew("$dir/mbox", $mbox =~ s/\n/$ending/gr);
        my ($status, $out, $err) = classify('-j', "$dir/mbox");
        is $status . $err, '0', 'read';
        is_deeply [told($out)], [['mbox:1', '1@example.org'], ['mbox:2', 'not-bounce'], ['mbox:3', '3@example.org']],
            'its messages, with ' . unpack 'H*', $ending;
    }
    my ($status, $out) = classify({ stdin => $mbox }, '-j');
    is_deeply [map { $_->[0] } told($out)], [map {"-:$_"} 1 .. 3], 'on standard input';
    spew("$dir/one", mbox(bounce('1@example.org')));
    ($status, $out) = classify('-j', "$dir/one");
    is_deeply [told($out)], [['one', '1@example.org']], 'one message goes by the name of the file';
    spew("$dir/two.eml", slurp("$dir/mbox"));
    ($status, $out) = classify('-j', "$dir/two.eml");
    is scalar(told($out)), 1, 'what is named .eml is one message';
    # Dates in the wild: without a year in its place, with zones.
    my @dates = ('Fri Feb 13 02:45:58 2015', 'Mon Jan 1 00:00 2015', 'Thu Apr  9 16:51:04 EST 2007', 'Thu Apr 29 16:51:04 2007 +0900',
        'Sat, 6 Dec 2014 13:46:11 +0000 (UTC)');
    spew("$dir/dates", join '', map { "From x\@example.net $_\n" . bounce('d@example.org') . "\n" } @dates);
    ($status, $out) = classify('-j', "$dir/dates");
    is scalar(objects($out)), scalar @dates, 'every form of date separates';
    # What is quoted in the status part is unquoted before it is read.
    spew("$dir/quoted", mbox(bounce('q@example.org', '550 5.1.1 first') =~ s/(Diagnostic-Code: .*)/$1\n >From here/r, bounce('r@example.org')));
    ($status, $out) = classify('-j', "$dir/quoted");
    is +(objects($out))[0]{recipients}[0]{text}, '550 5.1.1 first >From here', 'a blank before it is no quote';
};

subtest 'large messages' => sub {
    my $large = "X-Filler: " . 'x' x (16 * 1024) . "\n";
    spew("$dir/large", bounce('l@example.org') . $large x 64);
    my ($status, $out, $err) = classify('-j', "$dir/large");
    is_deeply [$status, $err, told($out)], [0, '', ['large', 'l@example.org']], 'the front is read';
    is +(objects($out))[0]{limits}, 'size', '... and that it is the front only is told';
    spew("$dir/large", mbox(bounce('1@example.org') . $large x 64, bounce('2@example.org')));
    ($status, $out) = classify('-j', "$dir/large");
    is_deeply [map { $_->{limits} } objects($out)], ['size', ''], 'of an mbox, too';
};

# --- what is refused --------------------------------------------------------

subtest 'bad input' => sub {
    my $bad = "$dir/bad";
    mkdir "$bad";
    mkdir "$bad/sub";
    spew("$bad/a-good", bounce('a@example.org'));
    spew("$bad/b-empty", '');
    spew("$bad/c-binary", "\x7fELF" . join '', map { chr } 0 .. 255);
    spew("$bad/d-text", "Dear all,\n\nSubject: no\n");
    spew("$bad/e-cut", bounce('cut@example.org') =~ s/\n--b--\n\z//r);
    symlink '..', "$bad/sub/loop" or die $!;
    symlink 'nowhere', "$bad/f-dangling" or die $!;
    mkfifo("$bad/g-fifo", 0600) or die $!;
    open my $sparse, '>', "$bad/h-sparse" or die $!;
    print {$sparse} "Subject: x\n\n";
    truncate $sparse, 2 * 2**30 or die $!;
    close $sparse;
    spew("$bad/z-good", bounce('z@example.org'));
    my $began = time;
    my ($status, $out, $err) = classify('-j', $bad);
    cmp_ok time - $began, '<', 5, 'a sparse file of 2 GiB is not read';
    is $status, 1, 'status';
    is_deeply [map { $_->[1] } told($out)], [map {"$_\@example.org"} qw(a cut z)], 'all others are answered';
    my %want = ('b-empty' => qr/empty/, 'c-binary' => qr/no mail: .*--log/, 'd-text' => qr/no mail: .*--replies/,
        'e-cut' => qr/cut off: .*get the whole/, 'f-dangling' => qr/No such file.*check/, 'g-fifo' => qr/FIFO.*name it as an argument/,
        'h-sparse' => qr/larger than 64 MiB.*make it an mbox/, 'sub/loop' => qr/loop.*remove the link/);
    my %got = map { m{error: \Q$bad\E/([^:]+): (.*)} ? ($1 => $2) : ($_ => '') } split /\n/, $err;
    is_deeply [sort keys %got], [sort keys %want], 'a line for each, with its path';
    like $got{$_}, $want{$_}, $_ for sort keys %want;
    is +(grep { $_->{limits} =~ /\bcut\b/ } objects($out)), 1, 'the cut one says so';
    my ($totals) = objects((classify('-q', '-j', $bad))[1]);
    is_deeply [@$totals{qw(messages unreadable cut)}], [3, 7, 1], 'all are counted';

    ($status, $out, $err) = classify("$dir/none", "$bad/a-good");
    is_deeply [$status, $err =~ /none: No such file/, $out =~ tr/\n//], [1, 1, 1], 'a file that is not there';
    ($status, $out, $err) = classify({ stdin => mbox(bounce('1@example.org'), "no mail\n", bounce('3@example.org')) }, '-j');
    is_deeply [$status, map { $_->[0] } told($out)], [1, '-:1', '-:3'], 'in an mbox, too';
    like $err, qr/-:2: no mail/, '... by its number';

    {
        my $nobody = getpwnam 'nobody';
        chmod 0, "$bad/a-good";
        my @cmd = $> == 0 ? ('setpriv', "--reuid=$nobody", '--clear-groups', $prog) : $prog;
        chmod 0755, $dir;
        ($status, undef, $err) = run(@cmd, '-r', $rules, "$bad/a-good", "$bad/z-good");
        like $err, qr/a-good: Permission denied; run this as a user who may/, 'unreadable';
    }
};

# --- why --------------------------------------------------------------------

mkdir "$dir/$_" for qw(old new);
spew("$dir/old/1.rules", <<'RULES');
scope big host .big.example
t.code      -    450   -      "gone"               greylisted          only 450
t.status    -    -     4.7.x  "gone"               greylisted          only x.7
t.scope     big  -     -      "gone"               mailbox-moved       of big
t.pattern   -    -     -      /gone\b.{0,9}[0-9]/  mailbox-disabled   away
t.gone      -    -     -      "gone"               user-unknown        a plain word
t.behind    -    -     -      "gone"               message-too-big     never reached
t.absent    -    -     -      "dozes"              mailbox-full        not in the words
t.policy    -    -     5.7.x  -                    policy-rejected     by status
RULES

subtest 'explained' => sub {
    my @args = ('-r', "$dir/old", '-R', '-e');
    my ($status, $out, $err) = run({ stdin => "mx.small.example\t550 5.1.1 he is gone\n" }, $prog, @args);
    is $status . $err, '0', 'a reply';
    $out =~ s{\Q$dir\E/}{}g;
    is $out, <<'TEXT', 'as text';
550 5.1.1 he is gone: suppress: hard user-unknown (t.gone)
    said by  mx.small.example
    codes    550 5.1.1
    words    he is gone
    tried    t.scope (old/1.rules:4): not said by big
    tried    t.code (old/1.rules:2): the code is not 450
    tried    t.status (old/1.rules:3): the status is not 4.7.x
    tried    t.pattern (old/1.rules:5): the words do not match /gone\b.{0,9}[0-9]/
    matched  t.gone (old/1.rules:6): a plain word
TEXT
    ($status, $out) = run({ stdin => "mx.small.example\t550 5.1.1 he is gone\n" }, $prog, @args, '-j');
    my ($object) = objects($out);
    is_deeply [map { "$_->{rule} $_->{line} $_->{result}" } @{ $object->{tried} }],
        ['t.scope 4 scope', 't.code 2 code', 't.status 3 status', 't.pattern 5 pattern', 't.gone 6 matched'], 'as JSON';
    is_deeply [@$object{qw(said_by words rule)}], ['mx.small.example', 'he is gone', 't.gone'], '... what was judged';
    ($status, $out) = run({ stdin => "550 something else\n" }, $prog, @args);
    like $out, qr/^    matched  no rule$/m, 'no rule';
    ($status, $out) = run({ stdin => "550 5.1.1 suppressed by bouncemilter\n" }, $prog, @args);
    like $out, qr/^    matched  marker \(built in\)$/m, 'what needs none';
    spew("$dir/gone", bounce('g@example.org', '550 5.1.1 he is gone'));
    ($status, $out) = run($prog, '-r', "$dir/old", '-e', "$dir/gone");
    like $out, qr/: g\@example\.org failed 5\.1\.1 hard user-unknown \(t\.gone\)\n    said by  mx\.example\.org\n/, 'a message';
    ($status, $out) = run($prog, '-r', "$dir/old", '-e', '-j', "$dir/gone");
    is +(objects($out))[0]{recipients}[0]{tried}[-1]{rule}, 't.gone', '... as JSON';
    is +(classify('-e', '-q'))[0], 2, 'not with --quiet';
};

# --- what would change ------------------------------------------------------

my $LOG = '2026-11-20T10:00:00+00:00 mta postfix/smtp[1]: ABCDEF12345: to=<%s>, relay=mx.example.org[192.0.2.25]:25, delay=1,'
    . " delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.25] said: %s (in reply to RCPT TO command))\n";

subtest 'rules compared' => sub {
    spew("$dir/new/1.rules", slurp("$dir/old/1.rules") =~ s/^(t.gone .*) user-unknown /$1 policy-rejected /mr
        =~ s/^(t.absent) .*/$1 - - - "sleeps" mailbox-disabled asleep/mr);
    my $replies = join '', map {"$_\n"} '550 5.1.1 he is gone', '550 5.1.1 he sleeps', '550 5.7.1 no', '550 he is gone 9',
        '550 5.7.1 he sleeps';
    my @diff = ($prog, '--diff', "$dir/old", "$dir/new");
    my ($status, $out, $err) = run({ stdin => $replies }, @diff, '-R');
    is $status . $err, '1', 'replies: something changes';
    is $out, <<'TEXT', '... what';
550 5.1.1 he is gone: hard user-unknown (t.gone), suppress -> soft policy-rejected (t.gone), alert: ceases to suppress
550 5.1.1 he sleeps: unknown unknown (no rule), count -> hard mailbox-disabled (t.absent), suppress: begins to suppress
550 5.7.1 he sleeps: soft policy-rejected (t.policy), alert -> hard mailbox-disabled (t.absent), count
3 of 5 change; 1 begin and 1 cease to suppress
TEXT
    my ($gone, $sleeps, $guarded, $totals) = objects((run({ stdin => $replies }, @diff, '-R', '-j'))[1]);
    is_deeply $gone->{old}, { class => 'hard', category => 'user-unknown', subcause => '', rule => 't.gone', action => 'suppress' }, 'as JSON: old';
    is_deeply [@{ $gone->{new} }{qw(category action)}, $gone->{suppress}], [qw(policy-rejected alert ceases)], '... new';
    is $sleeps->{suppress}, 'begins', '... begins';
    is $guarded->{suppress}, '', '... x.7.x suppresses nobody, whatever the words';
    is_deeply $totals, { judged => 5, changed => 3, begin => 1, cease => 1 }, '... and the totals';
    is +(run({ stdin => $replies }, @diff, '-R', '-q'))[1], "3 of 5 change; 1 begin and 1 cease to suppress\n", 'totals alone';

    ($status, $out) = run(@diff, "$dir/gone");
    like $out, qr{/gone: g\@example\.org: hard user-unknown .* ceases to suppress\n1 of 1 change}, 'a message';
    ($status, $out) = run({ stdin => sprintf $LOG, 'g@example.org', '550 5.1.1 he is gone' }, @diff, '-l');
    like $out, qr/^2026-11-20T10:00:00Z g\@example\.org: hard user-unknown .* ceases to suppress\n1 of 1 change/, 'a line of a log';
    ($status, $out) = run({ stdin => $replies }, $prog, '--diff', "$dir/old", "$dir/old", '-R');
    is_deeply [$status, $out], [0, "0 of 5 change; 0 begin and 0 cease to suppress\n"], 'nothing changes';
    is +(run($prog, '--diff', "$dir/old"))[0], 2, 'one directory is too few';
    is +(run(@diff, '-r', $rules))[0], 2, 'not with --rules';
    is +(run($prog, '--diff', "$dir/old", "$dir/none", "$dir/gone"))[0], 2, 'rules that are not there';
};

# --- replies, a log, actions ------------------------------------------------

subtest 'replies and a log' => sub {
    my ($status, $out, $err) = classify({ stdin => "# no\n\n550 5.7.1 User unknown\nmx.example\t550 5.1.1 User unknown\r\n250 ok" }, '-R', '-j');
    is $status . $err, '0', 'replies';
    my @replies = objects($out);
    is_deeply [map { [@$_{qw(mx category action)}] } @replies[0, 1]],
        [['', 'user-unknown', 'count'], ['mx.example', 'user-unknown', 'suppress']], 'a status x.7.x suppresses nobody';
    is $replies[2]{reply}, '250 ok', 'the last line needs no end';
    my $long = '550 5.1.1 User unknown ' . 'x' x 200_000;
    ($status, $out) = classify({ stdin => "$long\n550 5.1.1 after\n" }, '-R', '-j');
    is_deeply [map { length $_->{reply} } objects($out)], [2048, 15], 'a line without measure';
    ($status, $out) = run({ stdin => "550 he is gone\n" }, $prog, '-r', "$dir/old", '-R');
    like $out, qr/\(t\.gone\)/, 'replies by other rules';
    ($status, $out) = run({ stdin => sprintf $LOG, 'g@example.org', '550 5.1.1 he is gone' }, $prog, '-r', "$dir/old", '-l');
    is $out, "2026-11-20T10:00:00Z g\@example.org bounced 5.1.1 hard user-unknown (t.gone)\n", 'a log by other rules';
};

# An answer comes when its line has come, not when the input ends.
subtest 'streaming' => sub {
    for my $case (['-R', "550 5.1.1 User unknown\n"], ['-l', sprintf $LOG, 'g@example.org', '550 5.1.1 User unknown']) {
        my ($option, $line) = @$case;
        for my $threads (1, 3) {
            my $out = "$dir/stream";
            my $pid = open(my $to, '|-', "exec '$prog' -r '$rules' $option -t $threads >'$out'") or die $!;
            $to->autoflush(1);
            print {$to} $line;
            ok wait_for(sub { slurp($out) =~ tr/\n// == 1 }, 10), "$option with $threads threads: answered at once";
            print {$to} $line;
            ok wait_for(sub { slurp($out) =~ tr/\n// == 2 }, 10), '... and again';
            close $to;
        }
    }
};

# --- totals, terminals ------------------------------------------------------

subtest 'totals' => sub {
    my ($status, $out, $err) = classify('--totals', "$dir/read/a", "$dir/mbox");
    is $out =~ tr/\n//, 4, 'answers on standard output';
    is $err, "4 messages: 1 not-bounce, 3 dsn\n3 recipients: 3 hard\n         3 user-unknown\n", 'totals on standard error';
    is +(classify('-q', "$dir/read/a", "$dir/mbox"))[1], $err, '--quiet: on standard output, alone';
    is +(classify("$dir/read/a"))[2], '', 'without a terminal, none unless wanted';
    ($status, $out) = classify({ stdin => "550 5.1.1 User unknown\n550 qwertz\n" }, '-R', '-q');
    is $out, "2 replies: 1 unknown, 1 hard\n         1 unknown\n         1 user-unknown\n1 texts that no rule knows\n", 'of replies';
    ($status, $out) = classify('-q', '-j', "$dir/read/a", "$dir/mbox");
    my ($totals) = objects($out);
    is_deeply [@$totals{qw(messages judged unreadable)}, $totals->{kinds}{dsn}, $totals->{classes}{hard}, $totals->{categories}{'user-unknown'}],
        [4, 3, 0, 3, 3, 3], 'as JSON';
};

# What a terminal of its own gets from a shell command, which finds the same in
# the file $terminal while it runs.
my $terminal = "$dir/terminal";

sub on_terminal {
    my ($command) = @_;
    unlink $terminal;
    my ($status, $out) = run({ env => { SHELL => '/bin/sh' } }, 'script', '-qfec', $command, $terminal);
    return ($status, $out =~ s/\r\n/\n/gr);
}

# What stays on the terminal of a text: an erased line is gone.
sub seen { my ($text) = @_; return $text =~ s/[^\n]*\r\e\[K//gr }

subtest 'on a terminal' => sub {
    spew("$dir/many", mbox(map { bounce("$_\@example.org") } 1 .. 40));
    my $shown = "grep -q 'done, [0-9]* a second' '$terminal'";
    my $feed = "for i in \$(seq 600); do cat '$dir/many'; sleep 0.1; $shown && break; done; cat '$dir/many'";
    my (undef, $out) = on_terminal("{ $feed; } | '$prog' -r '$rules' 2>&1");
    like $out, qr/\r\d+ done, \d+ a second\e\[K/, 'progress, by count';
    my ($answers, $count, $totals) = seen($out) =~ /\A(.*^)((\d+) messages: .*)\z/ms ? ($1, $3, $2) : ('', 0, '');
    my @lines = split /\n/, $answers;
    is_deeply [grep { !/^-:\d+: \d+\@example\.org failed 5\.1\.1 hard user-unknown \(\S+\)$/ } @lines], [],
        'no answer is garbled';
    is scalar @lines, $count, '... and none is missing';
    @lines = split /\n/, $totals;
    is $lines[0], "$count messages: $count dsn", 'totals without being asked for';
    like $lines[-1], qr/^\d+\.\d s, \d+ a second$/, '... with the time';
    like $out, qr/\e\[K-:\d+: /, 'the line is taken away before an answer';

    spew("$dir/more", mbox(map { bounce("$_\@example.org") } 1 .. 400) x 250);
    (undef, $out) = on_terminal("'$prog' -r '$rules' -t 1 '$dir/more' >/dev/null");
    like $out, qr/\r\[[#-]{40}\] +\d+ %, \d+ a second\e\[K/, 'of files, by bytes';
    cmp_ok length, '<', 79, 'fits into 80 columns' for (sort { length $b <=> length $a } $out =~ /\r([^\r\e]*)\e/g)[0];
    (undef, $out) = on_terminal("'$prog' -r '$rules' '$dir/read/a' 2>/dev/null");
    unlike $out, qr/\e|messages/, 'none if standard error is no terminal';

    (undef, $out) = on_terminal("{ $feed; sleep 10; } | '$prog' -r '$rules' -q & for i in \$(seq 600); do $shown && break; sleep 0.1; done; kill -TERM \$!; wait \$!; echo ended \$?");
    like $out, qr/ a second\e\[K[^\n]*\r\e\[K(?:Terminated\n)?ended 143\n/, 'a signal takes the line away';
};

subtest 'nobody reads the answers' => sub {
    for my $threads (1, 3) {
        my ($status, $out, $err) = run('bash', '-c', "for i in \$(seq 3000); do echo '$dir/mbox'; done | xargs '$prog' -r '$rules' -t $threads | head -1; echo \${PIPESTATUS[*]}");
        like $out, qr/\n0 123 0\n\z/, "a pipe that is closed: status 1, with $threads threads";
        is $err, '', '... and not a word';
        ($status, $out, $err) = run('sh', '-c', "'$prog' -r '$rules' -t $threads '$dir/mbox' >/dev/full");
        is $status, 1, 'a full disk';
        like $err, qr/standard output: No space left/, '... has one';
    }
};

# --- threads and memory -----------------------------------------------------

subtest 'any number of threads' => sub {
    spew("$dir/corpus", mbox(map { slurp($_) =~ s/\r\n?/\n/gr =~ s/^(>*From )/>$1/mgr } (glob top() . '/t/corpus/*.eml') x 20));
    my @inputs = (["$dir/corpus", $dir . '/bad', "$dir/read", "$dir/M"], ['-R', top() . '/t/data/replies.tsv'], ['-e', "$dir/corpus"]);
    for my $input (@inputs) {
        my @one = classify('-j', '-t', 1, @$input);
        ok length $one[1] > 1000, "answers: @$input";
        for my $threads (2, 4, 64) {
            my @more = classify('-j', '-t', $threads, @$input);
            ok $more[1] eq $one[1], "$threads threads: the same answers";
            is_deeply [@more[0, 2]], [@one[0, 2]], '... status and errors';
        }
    }
    is +(classify('-t', $_))[0], 2, "--threads $_" for 0, 65, 'x';
};

# Its peak in MiB after so many bytes on standard input.
sub peak {
    my ($bytes, $piece, @args) = @_;
    # A sanitizer keeps what was freed, and more.
    local $ENV{ASAN_OPTIONS} = 'quarantine_size_mb=1:thread_local_quarantine_size_kb=16:malloc_context_size=0';
    my $pid = open(my $to, '|-', "exec '$prog' -r '$rules' @args >/dev/null 2>&1") or die $!;
    my $sent = 0;
    $sent += syswrite($to, $piece) // last while $sent < $bytes;
    my ($kib) = slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m or die "no figure\n";
    close $to;
    return $kib / 1024;
}

subtest 'memory' => sub {
    my $sanitized = slurp($prog) =~ /__asan_init/;
    my $corpus    = slurp("$dir/corpus");
    my $size      = ($sanitized ? 30 : 300) * 1_000_000;
    my $most      = $sanitized ? 640 : 64;
    my $message   = bounce('x@example.org');
    my @cases = (
        ['an mbox', $corpus, '-t 4'], ['... with 64 threads', $corpus, '-q -t 64'], ['... explained', $corpus, '-e -j -t 16'],
        ['large messages', mbox(($message . "a line of text\n" x 100_000) x 2), '-t 16'],
        ['one message without an end', "Subject: x\n\n" . "a line of text\n" x 100_000, '-t 2'],
        ['an mbox of one message without an end', $SEPARATOR . $message . "a line of text\n" x 100_000, '-t 2'],
        ['one line without an end', 'x' x $MIB, '-t 2'], ['... of replies', 'x' x $MIB, '-R -t 2'],
        ['replies', "550 5.1.1 <someone\@example.org>: User unknown\n" x 20_000, '-R -j -t 16'],
    );
    for (@cases) {
        my ($name, $piece, $args) = @$_;
        $piece =~ s/^From /X-/mg if $name =~ /one message without an end$/;
        my $peak = peak($name eq 'an mbox' ? $size : $size / 6, $piece, $args);
        cmp_ok $peak, '<', $most, sprintf '%s: %.1f MiB', $name, $peak;
    }
    # A directory of any size: names come in portions.
    mkdir "$dir/crowd";
    my $name = 'a-name-that-is-rather-long-so-that-many-of-them-need-much-room-' x 3;
    my $count = 24_000;
    spew("$dir/crowd/$name$_", "X: y\n\n") for 1 .. $count;
    my ($status, $out) = classify("$dir/crowd");
    my @names = map { m{/([^/]*): not-bounce} ? $1 : () } split /\n/, $out;
    is scalar @names, $count, 'a directory that takes several passes';
    is_deeply \@names, [sort @names], '... in order';
};

done_testing;
