package BM::MX;

# A scripted remote mail exchanger on 127.0.0.1, in a process of its own. The
# local part of a recipient says how it is answered, so a test needs no code:
#
#   ok@ or anything else       accepted
#   550.5.1.1@                 RCPT is answered "550 5.1.1 <...>: ..." in the words
#   any.thing.550.5.1.1@         that large providers use for the code; 550@ has
#                                no enhanced code
#   data.550.5.7.26@           the same at the end of the message
#   multi.550.5.1.1@           the same over several lines
#   drop@                      the connection is cut at RCPT
#
# An extension (+...) is left out of account. The first recipient with "data."
# decides about the whole message.

use strict;
use warnings;
use Fcntl qw(:flock SEEK_SET);
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Scalar::Util qw(weaken);
use Socket qw(SOMAXCONN);
use BM::Util qw(at_end free_port wait_for);

my %words = (
    '4.2.1'  => 'The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. Please resend your message at a later time.',
    '4.2.2'  => 'The recipient\'s inbox is out of storage space. Please direct the recipient to clear some space.',
    '4.7.1'  => 'Recipient address rejected: Greylisted, please try again in 300 seconds',
    '5.1.1'  => 'The email account that you tried to reach does not exist. Please try double-checking the recipient\'s email address for typos or unnecessary spaces.',
    '5.2.1'  => 'The email account that you tried to reach is disabled.',
    '5.2.2'  => 'The email account that you tried to reach is over quota. Please direct the recipient to clear some space.',
    '5.7.1'  => 'Message rejected due to local policy. Please see our postmaster page.',
    '5.7.26' => 'This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. Authentication results: DKIM = did not pass SPF [example.net] with ip: [127.0.0.1] = did not pass - gsmtp',
);

# Options:
#   dir       where the record of what came in is kept
#   script    { 'local@domain' => "550 5.1.1 text" }: answers to RCPT
#   reply     sub ($stage, $address) that returns an answer, 'DROP' to cut the
#             connection, or undef to go on as usual; runs in the child. Stages:
#             connect, ehlo, mail, rcpt, data, and eod once per recipient
#   greeting  text, or list of texts, each sent on connection to a port of its own
#   dsn       0: do not offer DSN
#   port      default: a free one
#   address   default: 127.0.0.1; 0.0.0.0 for every one
sub new {
    my ($class, %opt) = @_;
    my $greeting = $opt{greeting} // [];
    my $self = bless {
        file      => "$opt{dir}/mx.record",
        owner     => $$,
        script    => { map { lc $_ => $opt{script}{$_} } keys %{ $opt{script} || {} } },
        reply     => $opt{reply} || sub { undef },
        dsn       => $opt{dsn} // 1,
        greetings => ['220 mx.remote.test ESMTP', ref $greeting ? @$greeting : $greeting],
        offset    => 0,
        records   => [],
    }, $class;
    open $self->{out}, '>>:raw', $self->{file} or die "$self->{file}: $!\n";
    $self->{out}->autoflush(1);

    my @listen = map { _listen($opt{address}, $_) } $opt{port}, map { undef } 1 .. $#{ $self->{greetings} };
    $self->{ports} = [map { $_->sockport } @listen];
    $self->{child} = fork // die "fork: $!\n";
    if (!$self->{child}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        open STDOUT, '>', '/dev/null';    # a reader of the test's output must not wait for us
        eval { $self->_serve(@listen); 1 } or print STDERR "# MX: $@";
        POSIX::_exit(1);
    }
    weaken(my $weak = $self);
    at_end(sub { $weak->stop if $weak });
    return $self;
}

sub _listen {
    my ($address, $port) = @_;
    return IO::Socket::INET->new(
        LocalAddr => $address // '127.0.0.1', LocalPort => $port // free_port(), Proto => 'tcp',
        Listen => SOMAXCONN, ReuseAddr => 1, Blocking => 0) // die "MX: $@\n";
}

sub port { return $_[0]{ports}[0] }

# The port of the i-th special greeting, from 0.
sub greeting_port { my ($self, $i) = @_; return $self->{ports}[1 + ($i // 0)] }

sub stop {
    my ($self) = @_;
    return if !$self->{child} || $self->{owner} != $$;
    kill 'TERM', $self->{child};
    waitpid $self->{child}, 0;
    $self->{child} = 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $?, $!);
    $self->stop;
    return;
}

# ---- what came in, for the test

# Records: a line of JSON with the size of the message after it (0 for a RCPT).
sub _read {
    my ($self) = @_;
    open my $in, '<:raw', $self->{file} or die "$self->{file}: $!\n";
    flock $in, LOCK_SH;
    seek $in, $self->{offset}, SEEK_SET;
    while (defined(my $line = <$in>)) {
        my $record = decode_json($line);
        read $in, $record->{data}, $record->{size} if $record->{size};
        push @{ $self->{records} }, $record;
        $self->{offset} = tell $in;
    }
    return @{ $self->{records} };
}

# Every message accepted: { sender, mail => ESMTP parameters of MAIL, rcpts => [address],
# rcpt => [ESMTP parameters of each RCPT], data => text with "\n" line ends }.
sub messages { my ($self) = @_; return grep { $_->{type} eq 'message' } $self->_read }

# Every RCPT, accepted or not: { sender, rcpt, reply }.
sub attempts { my ($self) = @_; return grep { $_->{type} eq 'rcpt' } $self->_read }

# The addresses of the accepted ones.
sub rcpts { my ($self) = @_; return map { $_->{rcpt} } grep { $_->{reply} =~ /^2/ } $self->attempts }

# Wait for n messages; returns all that are there then.
sub wait_messages {
    my ($self, $n, $timeout) = @_;
    wait_for(sub { (() = $self->messages) >= $n }, $timeout);
    return $self->messages;
}

# Wait for a message to this recipient; returns the first one or undef.
sub message_to {
    my ($self, $rcpt, $timeout) = @_;
    return scalar wait_for(sub {
        my ($m) = grep { grep { lc eq lc $rcpt } @{ $_->{rcpts} } } $self->messages;
        $m;
    }, $timeout);
}

# ---- the server, in the child

sub _record {
    my ($self, $data, %record) = @_;
    flock $self->{out}, LOCK_EX;
    print { $self->{out} } encode_json({ %record, size => length $data }), "\n", $data;
    flock $self->{out}, LOCK_UN;
    return;
}

sub _serve {
    my ($self, @listen) = @_;
    my %greeting;
    @greeting{ map { fileno $_ } @listen } = @{ $self->{greetings} };
    my $reads  = IO::Select->new(@listen);
    my $writes = IO::Select->new;
    my %conn;
    while (getppid == $self->{owner}) {
        my ($readable, $writable) = IO::Select->select($reads, $writes, undef, 1);
        for my $sock (@{ $readable || [] }) {
            my $text = $greeting{ fileno $sock };
            if (defined $text) {
                my $new = $sock->accept or next;
                $new->blocking(0);
                $reads->add($new);
                my $c = $conn{ fileno $new } = { in => '', out => '' };
                $self->_say($c, $self->_asked('connect', '') // $text);
                $writes->add($new);
                next;
            }
            my $c = $conn{ fileno $sock } or next;
            my $n = sysread $sock, $c->{in}, 65536, length $c->{in};
            if    ($n)                        { $self->_input($c) }
            elsif (defined $n || !$!{EAGAIN}) { $c->{drop} = 1 }
            $writes->add($sock);
        }
        for my $sock (@{ $writable || [] }) {
            my $c = $conn{ fileno $sock } or next;
            my $n = $c->{drop} ? undef : syswrite $sock, $c->{out};
            substr $c->{out}, 0, $n, '' if $n;
            my $lost = $c->{drop} || (!defined $n && !$!{EAGAIN});
            next if !$lost && $c->{out} ne '';
            $writes->remove($sock);
            next if !$lost && !$c->{closing};
            $reads->remove($sock);
            delete $conn{ fileno $sock };
            close $sock;
        }
    }
    return;
}

# Put an answer in the way of the client. 421 ends the connection.
sub _say {
    my ($self, $c, $reply) = @_;
    if ($reply eq 'DROP') { $c->{drop} = 1; return }
    $c->{out} .= "$_\r\n" for split /\r?\n/, $reply;
    $c->{closing} = 1 if $reply =~ /^(?:421|221)/;
    return;
}

sub _input {
    my ($self, $c) = @_;
    while (!$c->{closing} && !$c->{drop} && $c->{in} =~ s/\A(.*?)\r\n//s) {
        if   ($c->{data}) { $self->_data_line($c, $1) }
        else              { $self->_command($c, $1) }
    }
    return;
}

my $path = qr/<((?:"(?:[^"\\]|\\.)*"|[^">])*)>\s*(.*)/s;

sub _command {
    my ($self, $c, $line) = @_;
    my $reply;
    if ($line =~ /^(?:EHLO|HELO)\b/i) {
        my @features = (qw(PIPELINING 8BITMIME SMTPUTF8 ENHANCEDSTATUSCODES), $self->{dsn} ? 'DSN' : ());
        my $last = pop @features;
        $reply = $self->_asked('ehlo', '')
            // join "\n", '250-mx.remote.test', (map { "250-$_" } @features), "250 $last";
    }
    elsif ($line =~ /^MAIL FROM:\s*$path/i) {
        my ($sender, $param) = ($1, $2);
        $reply = $self->_asked('mail', $sender) // '250 2.1.0 Ok';
        $c->{tx} = { sender => $sender, mail => $param, rcpts => [], rcpt => [] } if $reply =~ /^2/;
    }
    elsif ($line =~ /^RCPT TO:\s*$path/i && $c->{tx}) {
        my ($rcpt, $param) = ($1, $2);
        $reply = $self->_asked('rcpt', $rcpt) // $self->_scripted('rcpt', $rcpt) // '250 2.1.5 Ok';
        $self->_record('', type => 'rcpt', sender => $c->{tx}{sender}, rcpt => $rcpt, reply => $reply);
        if ($reply =~ /^2/) {
            push @{ $c->{tx}{rcpts} }, $rcpt;
            push @{ $c->{tx}{rcpt} },  $param;
        }
    }
    elsif ($line =~ /^DATA$/i && $c->{tx}) {
        $reply = !@{ $c->{tx}{rcpts} } ? '554 5.5.1 No valid recipients'
            : $self->_asked('data', '') // '354 End data with <CR><LF>.<CR><LF>';
        $c->{data} = [] if $reply =~ /^354/;
    }
    elsif ($line =~ /^RSET$/i) { $reply = '250 2.0.0 Ok'; delete $c->{tx} }
    elsif ($line =~ /^NOOP/i)  { $reply = '250 2.0.0 Ok' }
    elsif ($line =~ /^QUIT$/i) { $reply = '221 2.0.0 Bye' }
    else                       { $reply = '503 5.5.1 Bad sequence of commands' }
    $self->_say($c, $reply);
    return;
}

sub _data_line {
    my ($self, $c, $line) = @_;
    if ($line ne '.') {
        push @{ $c->{data} }, $line =~ s/^\.//r;
        return;
    }
    my $tx   = delete $c->{tx};
    my $data = join '', map { "$_\n" } @{ delete $c->{data} };
    my $reply;
    for my $rcpt (@{ $tx->{rcpts} }) {
        $reply = $self->_asked('eod', $rcpt) // $self->_scripted('eod', $rcpt) and last;
    }
    $reply //= sprintf '250 2.0.0 Ok: queued as %X', ++$self->{count};
    $self->_record($data, type => 'message', %$tx) if $reply =~ /^2/;
    $self->_say($c, $reply);
    return;
}

# What the test's own code wants.
sub _asked {
    my ($self, @args) = @_;
    my $reply = eval { $self->{reply}->(@args) };
    return $@ ? "451 4.3.0 $@" : $reply;
}

# What the table or the local part wants, undef for acceptance.
sub _scripted {
    my ($self, $stage, $rcpt) = @_;
    my $fixed = $self->{script}{ lc $rcpt };
    return $stage eq 'rcpt' ? $fixed : undef if defined $fixed;

    my ($local) = $rcpt =~ /^([^+@]*)/;
    return $stage eq 'rcpt' ? 'DROP' : undef if $local eq 'drop';
    my ($prefix, $code, $enhanced) =
        $local =~ /^((?:.*\.)?)([45]\d\d)(?:\.([45]\.\d{1,3}\.\d{1,3}))?$/ or return undef;
    my %flag = map { $_ => 1 } split /\./, $prefix;
    return undef if $stage ne ($flag{data} ? 'eod' : 'rcpt');

    my $text = $words{ $enhanced // '' }
        // ($code < 500 ? 'Temporary failure, please try again later' : 'Message refused');
    $text = "<$rcpt>: $text" if ($enhanced // '') =~ /^[45]\.[12]\./;
    my $lead = defined $enhanced ? "$enhanced " : '';
    my @lines = $flag{multi} ? $text =~ /\G(.{1,40}\S*)\s*/g : $text;
    my $last  = pop @lines;
    return join "\n", (map { "$code-$lead$_" } @lines), "$code $lead$last";
}

1;
