package BM::Clock;

# A clock that a test puts forward or back, for the programs that get its
# environment (t/lib/clock-preload.c). Those that are set-group-id, postdrop(1)
# and postqueue(1), keep the real time; so do the times of files.

use strict;
use warnings;
use BM::Util qw(prog spew);

# Options: dir.
sub new {
    my ($class, %opt) = @_;
    my $preload = prog('t/lib/clock-preload.so');
    die "no $preload: make tests\n" if !-e $preload;
    my $self = bless { file => "$opt{dir}/clock", preload => $preload, realtime => 0, monotonic => 0 }, $class;
    spew($self->{file}, pack 'q2', 0, 0);
    return $self;
}

# For BM::Daemon, BM::Postfix and BM::Util::run.
sub env {
    my ($self) = @_;
    return {
        LD_PRELOAD   => $self->{preload},
        BM_CLOCK     => $self->{file},
        ASAN_OPTIONS => 'verify_asan_link_order=0',    # with SAN=1
    };
}

# The time of day, so many seconds from the real one; and the time that passes,
# which nobody can put back.
sub set {
    my ($self, $realtime, $monotonic) = @_;
    $self->{realtime}  = $realtime;
    $self->{monotonic} = $monotonic // $self->{monotonic};
    # Over the old numbers, which are mapped.
    open my $fh, '+<:raw', $self->{file} or die "$self->{file}: $!\n";
    print {$fh} pack 'q2', $self->{realtime}, $self->{monotonic};
    close $fh or die "$self->{file}: $!\n";
    return $self;
}

# Time passes, by both clocks.
sub pass {
    my ($self, $seconds) = @_;
    return $self->set($self->{realtime} + $seconds, $self->{monotonic} + $seconds);
}

# The time of day, for those who get its environment.
sub now { return time + $_[0]{realtime} }

1;
