package BM::SMTP;

# A small SMTP client. Refusals are answers, not errors: nothing dies but for a
# server that cannot be reached at all. Strings are octets; one that Perl keeps
# as characters is sent as UTF-8.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(submit);

# Options: timeout (seconds per answer, 30), helo (a name), source (the loopback
# address to come from). Greeting and EHLO are done; `greeting` and `ehlo` hold
# the answers.
sub new {
    my ($class, $port, %opt) = @_;
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 10,
        $opt{source} ? (LocalAddr => $opt{source}) : ())
        or die "port $port: $@\n";
    my $self = bless { sock => $sock, in => '', timeout => $opt{timeout} // 30 }, $class;
    $self->{greeting} = $self->answer;
    $self->{ehlo} = $self->{greeting} =~ /^2/ ? $self->say('EHLO ' . ($opt{helo} // 'client.example.net')) : '';
    return $self;
}

sub greeting { return $_[0]{greeting} }
sub ehlo     { return $_[0]{ehlo} }

# One answer, the lines of a longer one joined with "\n"; '' if the connection
# is lost or the time is over.
sub answer {
    my ($self) = @_;
    my $end = time + $self->{timeout};
    while (1) {
        return $1 if $self->{in} =~ s/\A((?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?)\n//;
        my $left = $end - time;
        return '' if $left <= 0 || !IO::Select->new($self->{sock})->can_read($left);
        sysread $self->{sock}, my $part, 65536 or return '';
        $self->{in} .= $part =~ s/\r//gr;
    }
}

sub send {
    my ($self, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{sock} } $text;
    $self->{sock}->flush;
    return;
}

# Send a line, return the answer.
sub say { my ($self, $line) = @_; $self->send("$line\r\n"); return $self->answer }

# Send a message text after DATA: "\n" becomes CRLF, dots are stuffed.
sub text {
    my ($self, $message) = @_;
    $message = _octets($message);
    $message .= "\n" if $message !~ /\n\z/;
    $message =~ s/\r?\n/\r\n/g;
    $message =~ s/^\./../mg;
    $self->send("$message.\r\n");
    return $self->answer;
}

# One transaction. Options: mail and rcpt (ESMTP parameters, rcpt also as
# { address => parameters }), smtputf8. Returns { mail, rcpt => { address =>
# answer }, data }: data is the answer to the message or to DATA, '' if no
# recipient was accepted.
sub transaction {
    my ($self, $from, $rcpts, $message, %opt) = @_;
    my %result = (mail => '', rcpt => {}, data => '');
    my $param = join '', map { " $_" } grep { defined && $_ ne '' }
        $opt{mail}, $opt{smtputf8} ? 'BODY=8BITMIME SMTPUTF8' : undef;
    $result{mail} = $self->say(_octets("MAIL FROM:<$from>$param"));
    return \%result if $result{mail} !~ /^2/;
    my $accepted = 0;
    for my $rcpt (@$rcpts) {
        my $p = ref $opt{rcpt} ? $opt{rcpt}{$rcpt} : $opt{rcpt};
        $p = defined $p && $p ne '' ? " $p" : '';
        $result{rcpt}{$rcpt} = $self->say(_octets("RCPT TO:<$rcpt>$p"));
        $accepted++ if $result{rcpt}{$rcpt} =~ /^2/;
    }
    if (!$accepted) { $self->say('RSET'); return \%result }
    $result{data} = $self->say('DATA');
    $result{data} = $self->text($message) if $result{data} =~ /^354/;
    $self->say('RSET') if $result{data} !~ /^2/;
    return \%result;
}

sub _octets { my ($s) = @_; utf8::encode($s) if utf8::is_utf8($s); return $s }

sub quit {
    my ($self) = @_;
    my $answer = $self->say('QUIT');
    close $self->{sock};
    return $answer;
}

# Connect, one transaction, quit; the options of both.
sub submit {
    my ($port, $from, $rcpts, $message, %opt) = @_;
    my $smtp = BM::SMTP->new($port, %opt);
    if ($smtp->ehlo !~ /^2/) {
        return { mail => $smtp->ehlo || $smtp->greeting, rcpt => {}, data => '' };
    }
    my $result = $smtp->transaction($from, $rcpts, $message, %opt);
    $smtp->quit;
    return $result;
}

1;
