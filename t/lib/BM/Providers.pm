package BM::Providers;

# Google and Yahoo, played by two scripted servers on 127.0.0.1 that go by real
# names of theirs (t/lib/names-preload.c), and the DNS of a domain that sends to
# them: all of it is right, but for the DKIM key, which was forgotten.

use strict;
use warnings;
use BM::MX;
use BM::Proof;
use BM::Util qw(prog spew);

my %host = (Google => 'gmail-smtp-in.l.google.com', Yahoo => 'mta5.am0.yahoodns.net');
my %domain = (Google => 'gmail.example', Yahoo => 'yahoo.example');

# What they say to mail without a good signature, at the end of the message.
my %words = (
    Google => "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n"
        . "550-5.7.26 Gmail requires all senders to authenticate with DKIM. Authentication\n"
        . "550-5.7.26 results: DKIM = did not pass, SPF with ip: [192.0.2.1] = passed.\n"
        . '550 5.7.26 See https://support.google.com/mail/answer/81126 - gsmtp',
    Yahoo => '550 5.7.26 Message not accepted: its DKIM signature did not pass. '
        . 'See https://postmaster.yahooinc.com/error-codes',
);

# Options: dir; domain (that sends); selector (of its key).
sub new {
    my ($class, %opt) = @_;
    my $self = bless { %opt, refusing => "$opt{dir}/refusing", names => "$opt{dir}/names" }, $class;
    my $refusing = $self->{refusing};
    for my $name (keys %host) {
        mkdir "$self->{dir}/$name" or die "$self->{dir}/$name: $!\n";
        $self->{mx}{$name} = BM::MX->new(dir => "$self->{dir}/$name",
            reply => sub { return $_[0] eq 'eod' && -e $refusing ? $words{$name} : undef });
    }
    spew($self->{names}, join '', map { "$_ 127.0.0.1\n" } values %host);
    $self->{proof} = BM::Proof->new(dir => $self->{dir}, domain => $self->{domain}, selector => $self->{selector});
    $self->{proof}->key($self->{domain}, $self->{selector});
    $self->{key} = pop @{ $self->{proof}{zone} };
    $self->{zone} = $self->{proof}->zone(
        qq($self->{domain} TXT "v=spf1 ip4:192.0.2.1 -all"),
        qq(_dmarc.$self->{domain} TXT "v=DMARC1; p=reject"),
        '1.2.0.192.in-addr.arpa PTR mta.example.net',
        'mta.example.net A 192.0.2.1');
    return $self;
}

# More environment of Postfix, behind that of a BM::Clock.
sub env {
    my ($self, $clock) = @_;
    my $env = $clock->env;
    return { %$env, LD_PRELOAD => "$env->{LD_PRELOAD}:" . prog('t/lib/names-preload.so'), BM_NAMES => $self->{names} };
}

# For transport_maps: mail for them goes to them.
sub transport {
    my ($self) = @_;
    return 'inline:{ ' . join(', ', map { "{ $domain{$_} = smtp:[$host{$_}]:" . $self->{mx}{$_}->port . ' }' } sort keys %host) . ' }';
}

# An address of one of their users.
sub reader { my ($self, $name, $number) = @_; return "reader$number\@$domain{$name}" }

sub mx   { my ($self, $name) = @_; return $self->{mx}{$name} }
sub zone { return $_[0]{zone} }

# A signed message. Postfix changes nothing in it that is signed.
my $number = 0;
sub message {
    my ($self, $rcpt) = @_;
    $number++;
    return $self->{proof}->sign("From: News <news\@$self->{domain}>\nTo: <$rcpt>\nSubject: All that is new\n"
        . "Date: Sat, 21 Nov 2020 10:00:00 +0000\nMessage-ID: <news$number.$$\@$self->{domain}>\n\nHello.\n");
}

# They notice that the key is gone; the owner publishes it, and they are content.
sub refuse { my ($self) = @_; spew($self->{refusing}, ''); return }

sub mend {
    my ($self) = @_;
    $self->{proof}->zone($self->{key});
    unlink $self->{refusing} or die "$self->{refusing}: $!\n";
    return;
}

1;
