#!/usr/bin/perl
# The tables are read while they are written, by everything that reads them in
# a mail server: postmap, smtpd, trivial-rewrite, and a reader that follows
# Postfix's protocol at a higher rate. No answer is wrong in a million updates.
# A writer with LMDB's own locking and no sync shows that the readers would
# notice one.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use BM::Postfix;
use BM::SMTP;
use BM::Util qw(at_end prog run slurp tempdir wait_for);

my $UPDATES = 1_000_000;
my $BATCH   = 200;
my $ALWAYS  = 1000;

my $dir    = tempdir();
my $helper = prog('t/lib/table_readers');
my %patient = map { $_ => 1_000_000 } qw(smtpd_soft_error_limit smtpd_hard_error_limit smtpd_junk_command_limit
    smtpd_recipient_limit smtpd_recipient_overshoot_limit);
my $pf = BM::Postfix->new(
    dir      => $dir,
    main     => {
        %patient,
        smtpd_error_sleep_time => 0,
        default_transport      => 'discard:',
        transport_maps         => "lmdb:$dir/transport",
    },
    services => [{ opts => ["smtpd_recipient_restrictions=check_recipient_access lmdb:$dir/access", 'transport_maps='] }, {}],
);
my ($status, undef, $err) = run($helper, 'write', $dir, 0, 1);
is $status, 0, 'tables made' or diag $err;
chmod 0644, "$dir/access.lmdb", "$dir/transport.lmdb";
$pf->start;

# A process that looks up until SIGTERM; "lookups wrong" go to a file, and the
# first wrong answer.
my $readers = 0;

sub reader {
    my ($code) = @_;
    my $file = "$dir/reader-" . ++$readers;
    my $pid  = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', $file or POSIX::_exit(126);
        my $go = 1;
        local $SIG{TERM} = sub { $go = 0 };
        my ($lookups, $wrong, $first) = (0, 0, '');
        while ($go) {
            my ($n, @bad) = eval { $code->() };
            (my $error, $n) = ($@, 0) if !defined $n;
            last if !$go;    # what was cut short is no answer
            push @bad, "died: $error" if $error;
            $lookups += $n;
            $wrong += @bad;
            $first ||= $bad[0] // '';
        }
        print "$lookups lookups, $wrong wrong $first\n";
        close STDOUT;
        POSIX::_exit(0);
    }
    return remember($pid, $file);
}

sub emulation {
    my ($table, $pause) = @_;
    my $file = "$dir/reader-" . ++$readers;
    my $pid  = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{TERM} = 'DEFAULT';
        open STDOUT, '>', $file or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        exec {$helper} $helper, 'read', "$dir/$table.lmdb", $pause or POSIX::_exit(127);
    }
    return remember($pid, $file);
}

sub remember {
    my ($pid, $file) = @_;
    my $reader = { pid => $pid, file => $file };
    at_end(sub { kill 'KILL', $reader->{pid} if $reader->{pid} });
    return $reader;
}

# Returns lookups, wrong answers, and all it said; a reader that crashed had a
# wrong answer.
sub finish {
    my ($reader) = @_;
    my $pid = $reader->{pid};
    kill 'TERM', $pid;
    my $ended = wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 20);
    my $how = $?;
    if (!$ended) { kill 'KILL', $pid; waitpid $pid, 0; $how = -1 }
    $reader->{pid} = 0;
    my $said = slurp($reader->{file});
    my ($lookups, $wrong) = $said =~ /^(\d+) lookups, (\d+) wrong/m;
    return ($lookups // 0, $how == 0 && defined $wrong ? $wrong : 1, "$said (status $how)");
}

# A session that stays open: the same smtpd goes on reading while the table is
# written. Returns its lookups and the answers that are wrong.
sub smtp_reader {
    my ($service) = @_;
    my $smtp;
    return reader(sub {
        $smtp //= BM::SMTP->new($pf->port($service));
        sleep 0.02;
        my %wanted;
        for (1 .. 10) {
            my $i = int rand $ALWAYS;
            $wanted{"always$i"} = qr/^550 5\.1\.1 .*of always$i$/;
            $wanted{"never$i"}  = qr/^250/;
        }
        my @names = keys %wanted;
        $smtp->send(join '', map {"$_\r\n"} 'MAIL FROM:<a@example.com>',
            (map {"RCPT TO:<$_\@remote.test>"} @names), 'RSET');
        my (undef, @answers) = map { $smtp->answer } 0 .. @names + 1;
        my @bad = grep { $answers[$_] !~ $wanted{ $names[$_] } } 0 .. $#names;
        return (scalar @names, map {"$names[$_]: $answers[$_]"} @bad);
    });
}

sub postmap_reader {
    my ($table) = @_;
    my @keys = map { ("always$_\@remote.test", "never$_\@remote.test") } 1 .. 50;
    my $prefix = $table eq 'access' ? '550 ' : 'error:';
    my $wanted = join '', map {"always$_\@remote.test\t${prefix}5.1.1 of always$_\n"} 1 .. 50;
    return reader(sub {
        sleep 0.1;
        my ($s, $out, $e) = $pf->command({ stdin => join("\n", @keys) . "\n" }, 'postmap', '-q', '-', "lmdb:$dir/$table");
        return (scalar @keys, $out eq $wanted && $e eq '' ? () : "$out $e");
    });
}

my %readers = (
    'smtpd, check_recipient_access'   => smtp_reader(0),
    'trivial-rewrite, transport_maps' => smtp_reader(1),
    'postmap -q, access'              => postmap_reader('access'),
    'postmap -q, transport'           => postmap_reader('transport'),
    "Postfix's protocol, access"      => emulation('access', 500),
    "Postfix's protocol, transport"   => emulation('transport', 500),
);
my $began = time;
($status, undef, $err) = run({ timeout => 300 }, $helper, 'write', $dir, $UPDATES, $BATCH);
is $status, 0, sprintf '%d updates in commits of %d: %.0f s', $UPDATES, $BATCH, time - $began or diag $err;
for my $name (sort keys %readers) {
    my ($lookups, $wrong, $said) = finish($readers{$name});
    cmp_ok $lookups, '>=', 100, "$name: $lookups lookups";
    is $wrong, 0, 'no wrong answer' or diag $said;
}
unlike $pf->log, qr/lmdb.*(?:fatal|error)|mdb_|table lookup/i, 'Postfix has nothing to complain of';
$pf->stop;

# The negative control: the same readers, a writer that locks as LMDB does.
my @saturating = map { emulation('access', 0) } 1 .. 3;
my $spoiler = fork // die "fork: $!\n";
if (!$spoiler) {
    open STDERR, '>', '/dev/null' or POSIX::_exit(126);
    exec {$helper} $helper, 'spoil', $dir, 60 or POSIX::_exit(127);
}
my $noticed = wait_for(sub {
    return grep { slurp("/proc/$_->{pid}/stat") =~ /\) Z / } @saturating;
}, 60);
kill 'TERM', $spoiler;
waitpid $spoiler, 0;
my @said = map { [finish($_)] } @saturating;
ok $noticed && grep({ $_->[1] } @said), 'the control gives wrong answers, so the readers can see them'
    or diag map { $_->[2] } @said;
note map {"control: $_->[2]\n"} @said;

done_testing;
