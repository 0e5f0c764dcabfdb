package BM::Net;

# A network of a test's own, in a namespace: loopback, and 192.0.2.0/24, all of
# which is this machine. So a remote server has an address that is not one of
# our own site, and nothing can leave.

use strict;
use warnings;
use Socket qw(AF_INET SOCK_DGRAM inet_aton);

use constant { SIOCSIFFLAGS => 0x8914, SIOCSIFADDR => 0x8916, IFF_UP => 1 };

# Start the program again in a network of its own, if it is not.
sub enter {
    if (!$ENV{BM_NETWORK}) {
        $ENV{BM_NETWORK} = 1;
        exec 'unshare', '--net', $^X, (map {"-I$_"} @INC), $0, @ARGV or die "unshare: $!\n";
    }
    socket my $socket, AF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
    for (['lo', '127.0.0.1'], ['lo:1', '192.0.2.1']) {
        my ($interface, $address) = @$_;
        ioctl $socket, SIOCSIFADDR, pack('a16 S x2 a4 x8', $interface, AF_INET, inet_aton($address))
            or die "$interface: $!\n";
        ioctl $socket, SIOCSIFFLAGS, pack('a16 s x14', $interface, IFF_UP) or die "$interface: $!\n";
    }
    return;
}

1;
