package BM::MailLog;

# A mail log as Postfix writes it, with the time stamps that a test wants.

use strict;
use warnings;
use POSIX qw(strftime);

# What a server says, by a word of one's own: status, then text.
my %says = (
    sent    => ['2.0.0', 'sent',     '250 2.0.0 Ok: queued as 1'],
    full    => ['4.2.2', 'deferred', '452 4.2.2 The recipient\'s inbox is out of storage space'],
    'full!' => ['5.2.2', 'bounced',  '552 5.2.2 The recipient\'s inbox is out of storage space'],
    grey    => ['4.7.1', 'deferred', '450 4.7.1 Greylisted, please try again in 300 seconds'],
    gone    => ['5.1.1', 'bounced',  '550 5.1.1 User unknown'],
);

# Options: file, which need not be there.
sub new {
    my ($class, %opt) = @_;
    return bless { file => $opt{file}, number => 0, message => {} }, $class;
}

# The lines of one attempt, as text. Options: time, message (a name; the same
# again is the same message; default: a new one).
sub lines {
    my ($self, $address, $word, %opt) = @_;
    my ($dsn, $status, $reply) = @{ $says{$word} or die "$word?\n" };
    my $time = $opt{time} // time;
    my $name = $opt{message} // 'number ' . $self->{number};
    my $m    = $self->{message}{"$address $name"} //= { id => sprintf('%X', 0xA000000 + ++$self->{number}), began => $time };
    my $text = $status eq 'sent' ? $reply : "host mx.remote.test[192.0.2.25] said: $reply (in reply to RCPT TO command)";
    my $delay = $time - $m->{began};
    my @lines = (
        $m->{tried}++ ? () : ("smtpd[10]: $m->{id}: client=localhost[127.0.0.1]",
            "cleanup[11]: $m->{id}: message-id=<$m->{id}\@example.com>"),
        "qmgr[12]: $m->{id}: from=<app\@example.com>, size=400, nrcpt=1 (queue active)",
        "smtp[13]: $m->{id}: to=<$address>, relay=mx.remote.test[192.0.2.25]:25, delay=$delay, delays=$delay/0/0/0,"
            . " dsn=$dsn, status=$status ($text)",
        $status eq 'deferred' ? () : "qmgr[12]: $m->{id}: removed",
    );
    my $stamp = strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', gmtime $time);
    return join '', map {"$stamp mta postfix/$_\n"} @lines;
}

# Append them.
sub add {
    my ($self, @what) = @_;
    return $self->append($self->lines(@what));
}

sub append {
    my ($self, $text) = @_;
    open my $fh, '>>:raw', $self->{file} or die "$self->{file}: $!\n";
    print {$fh} $text;
    close $fh or die "$self->{file}: $!\n";
    return $self;
}

1;
