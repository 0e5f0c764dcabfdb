package BM::Util;

# What every end-to-end test needs: a directory, a free port, patience, and
# the certainty that nothing is left running.

use strict;
use warnings;
use Exporter 'import';
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Spec;
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(tempdir free_port wait_for run slurp spew top prog at_end accepts group);

my $top = abs_path(dirname(__FILE__) . '/../../..');

# The top of the source tree.
sub top { return $top }

# The path of a program under test.
sub prog {
    my ($name) = @_;
    return File::Spec->rel2abs($ENV{BM_BUILD} // "$top/build") . "/$name";
}

# Run at the end of this process, last registered first, also after die or a
# signal; never in a child that was forked meanwhile.
my @at_end;

sub at_end {
    my ($code) = @_;
    push @at_end, [$$, $code];
    return;
}

END {
    my $status = $?;
    local @SIG{qw(INT TERM HUP PIPE)} = ('IGNORE') x 4;
    while (my $item = pop @at_end) {
        my ($pid, $code) = @$item;
        next if $pid != $$;
        eval { $code->(); 1 } or print STDERR "# $@";
    }
    $? = $status;
}

# A signal has to go through END, also that of a reader of ours who has gone.
for my $name (qw(INT TERM HUP PIPE)) {
    $SIG{$name} = sub { exit 1 } if !defined $SIG{$name} || $SIG{$name} eq 'DEFAULT';
}

# A directory that every user may enter, short enough for Unix sockets.
# BM_KEEP=1 leaves it for a look afterwards.
sub tempdir {
    my $dir = File::Temp::tempdir('bm-XXXXXX', DIR => $ENV{BM_TMP} // '/tmp');
    chmod 0755, $dir or die "$dir: $!\n";
    at_end(sub {
        if ($ENV{BM_KEEP}) { print STDERR "# kept: $dir\n" }
        else               { remove_tree($dir) }
    });
    return $dir;
}

# A port of 127.0.0.1 that was free just now. It lies below the range from
# which the kernel takes the ports of outgoing connections, and a process asks
# for none twice.
my %given;

sub free_port {
    for (1 .. 1000) {
        my $port = 10000 + int rand 20000;
        next if $given{$port}++;
        my $s = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp', Listen => 1)
            or next;
        close $s;
        return $port;
    }
    die "no free port\n";
}

# Call until the answer is true; returns that answer, or nothing after
# `timeout` seconds.
sub wait_for {
    my ($code, $timeout) = @_;
    my $end = time + ($timeout // 10);
    while (1) {
        my $answer = $code->();
        return $answer if $answer;
        return if time >= $end;
        sleep 0.02;
    }
}

# True if something answers at this port of 127.0.0.1.
sub accepts {
    my ($port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 2)
        or return 0;
    close $s;
    return 1;
}

# The living processes of a process group. A dead one may stay in the process
# table for long where the first process of a container does not wait for it.
sub group {
    my ($leader) = @_;
    my @alive;
    for my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $state, $group) = slurp($file) =~ /^(\d+) .*\) (\w) \d+ (\d+) /s or next;
        push @alive, $pid if $group == $leader && $state ne 'Z';
    }
    return @alive;
}

# Run a command; a leading hash has `stdin` (text), `timeout` (seconds, 60) and
# `env` (more environment). Returns exit status, stdout, stderr; the status is
# 128 + signal for a killed command, 127 for one that cannot be run.
sub run {
    my %opt = ref $_[0] ? %{ +shift } : ();
    my @cmd = @_;
    my ($in, $out, $err) = map { open my $fh, '+>', undef or die "$!\n"; $fh } 1 .. 3;
    if (defined $opt{stdin}) {
        my $text = $opt{stdin};
        utf8::encode($text) if utf8::is_utf8($text);
        binmode $in;
        print {$in} $text;
        $in->flush;
        seek $in, 0, 0;
    }

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDIN,  '<&', $in  or POSIX::_exit(127);
        open STDOUT, '>&', $out or POSIX::_exit(127);
        open STDERR, '>&', $err or POSIX::_exit(127);
        $ENV{$_} = $opt{env}{$_} for keys %{ $opt{env} || {} };
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        print STDERR "$cmd[0]: $!\n";
        POSIX::_exit(127);
    }

    my $done = sub { waitpid($pid, POSIX::WNOHANG()) == $pid };
    my $status;
    if (wait_for($done, $opt{timeout} // 60)) { $status = $? }
    else {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
        $status = $?;
    }
    $status = $status & 127 ? 128 + ($status & 127) : $status >> 8;
    return ($status, slurp($out), slurp($err));
}

# The content of a file or handle, '' if there is none.
sub slurp {
    my ($file) = @_;
    my $fh;
    if (ref $file) { seek $fh = $file, 0, 0 }
    else           { open $fh, '<:raw', $file or return '' }
    local $/;
    return scalar(<$fh>) // '';
}

sub spew {
    my ($path, $text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    open my $fh, '>:raw', $path or die "$path: $!\n";
    print {$fh} $text;
    close $fh or die "$path: $!\n";
    return;
}

1;
