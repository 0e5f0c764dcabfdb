package BM::Milter;

# The MTA's side of the milter protocol, byte by byte: for what miltertest
# cannot say, NUL bytes and commands in any order.

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

# Connect and negotiate; `steps` is what the MTA says it can leave out.
sub new {
    my ($class, $socket, $steps) = @_;
    my $sock = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!\n";
    my $self = bless { sock => $sock, in => '' }, $class;
    $self->send('O', pack 'NNN', 6, 0x1ff, $steps // 0);
    $self->{steps} = unpack 'x8N', ($self->answer)[1] // '';
    return $self;
}

sub send {
    my ($self, $command, $data) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{sock} } pack 'N/a*', $command . ($data // '');
    $self->{sock}->flush;
    return $self;
}

# The next packet: letter and data; '' if the connection is closed, '?' if none
# comes in time: libmilter keeps silent about a command that has no place there.
sub answer {
    my ($self, $timeout) = @_;
    while (1) {
        if (length $self->{in} >= 4 && length $self->{in} >= 4 + unpack 'N', $self->{in}) {
            my $packet = unpack 'N/a*', $self->{in};
            substr $self->{in}, 0, 4 + length $packet, '';
            return (substr($packet, 0, 1), substr $packet, 1);
        }
        return '?' if !IO::Select->new($self->{sock})->can_read($timeout // 20);
        sysread $self->{sock}, $self->{in}, 65536, length $self->{in} or return '';
    }
}

sub say {
    my ($self, @packet) = @_;
    return ($self->send(@packet)->answer)[0];
}

# A whole message; headers are [name, value]. Stops when it is accepted, and
# sends no more body when that is enough. Returns the last answer.
sub message {
    my ($self, $sender, $rcpts, $headers, $body) = @_;
    my $answer = $self->say('M', "$sender\0");
    return $answer if $answer ne 'c';
    for (@$rcpts) { $answer = $self->say('R', "$_\0"); return $answer if $answer ne 'c' }
    $self->say('T');
    for (@$headers) { $answer = $self->say('L', "$_->[0]\0$_->[1]\0"); return $answer if $answer ne 'c' }
    $answer = $self->say('N');
    return $answer if $answer ne 'c';
    for (@$body) {
        $answer = $self->say('B', $_);
        last if $answer eq 's';
        return $answer if $answer ne 'c';
    }
    return $self->say('E');
}

# Is this command answered, after what was agreed on? SMFIP_NR_CONN, SMFIP_NR_HELO,
# SMFIP_NR_RCPT, SMFIP_NR_HDR.
sub is_answered {
    my ($self, $command) = @_;
    return 0 if $command =~ /^[ADKQ]$/;
    return !($self->{steps} & 0x1000) if $command eq 'C';
    return !($self->{steps} & 0x2000) if $command eq 'H';
    return !($self->{steps} & 0x8000) if $command eq 'R';
    return !($self->{steps} & 0x80)   if $command eq 'L';
    return 1;
}

# Who connects: an IPv4 address and a port.
sub client {
    my ($self, $address, $port) = @_;
    $self->send('C', "client\0" . '4' . pack('n', $port) . "$address\0");
    return $self->is_answered('C') ? ($self->answer)[0] : 'c';
}

1;
