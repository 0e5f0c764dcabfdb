package BM::Load;

# Messages handed to the daemon's socket by t/lib/send_reports, in the
# background, and how each was answered.

use strict;
use warnings;
use POSIX ();
use Scalar::Util qw(weaken);
use BM::Util qw(at_end prog slurp top wait_for);

# What the daemon under load is configured with: the address of a reporter
# that is trusted, and no Postfix to ask.
sub conf {
    my ($dir, %more) = @_;
    return {
        'postfix-config'    => "$dir/no-postfix",
        'trusted-reporters' => ['192.0.2.9'],
        'own-clients'       => ['192.0.2.1'],
        'own-domains'       => ['example.com'],
        'max-suppressions'  => 0,
        %more,
    };
}

# Options: dir (for the answers; those of all loads there are kept), and those
# of send_reports: k, n, f, t, c, m, p.
sub start {
    my ($class, $daemon, %opt) = @_;
    my $dir  = delete $opt{dir};
    my $self = bless { file => sprintf('%s/answers-%06d', $dir, ++our $count), owner => $$ }, $class;
    my @cmd  = (prog('t/lib/send_reports'), '-s', $daemon->socket, map { ("-$_", $opt{$_}) } sort keys %opt);
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDOUT, '>>', $self->{file} or POSIX::_exit(126);
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        print STDERR "$cmd[0]: $!\n";
        POSIX::_exit(127);
    }
    weaken(my $weak = $self);
    at_end(sub { $weak->kill if $weak });
    return $self;
}

# Wait for the end of the load; dies if it does not come.
sub wait {
    my ($self, $timeout) = @_;
    return $self if !$self->{pid};
    my $pid = $self->{pid};
    if (!wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, $timeout // 60)) {
        $self->kill;
        die "the load does not end\n";
    }
    $self->{pid} = 0;
    die "send_reports: status $?\n" if $?;
    return $self;
}

sub kill {
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
    return;
}

sub DESTROY { my ($self) = @_; local ($@, $?, $!); $self->kill; return }

# The numbers of the messages with this answer: accept, retry, refuse or lost.
sub answered {
    my ($self, $answer) = @_;
    my @numbers = slurp($self->{file}) =~ /^(\d+) $answer /mg;
    return @numbers;
}

# All waits for an answer, in seconds.
sub waits { my ($self) = @_; return map { $_ / 1e6 } slurp($self->{file}) =~ /^\d+ \w+ (\d+)$/mg }

# Send and wait for the end.
sub run { my ($class, @args) = @_; return $class->start(@args)->wait }

# The address that a report is about.
sub address { return sprintf 'r%07d@remote.test', $_[0] }

1;
