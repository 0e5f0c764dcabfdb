package BM::Proof;

# Mail that leaves through the milter, and reports about it, genuine or not: the
# words of the protocol without a mail server, so that there can be thousands.

use strict;
use warnings;
use BM::Milter;
use BM::Util qw(prog run spew wait_for);

# Options: dir, daemon; domain (of ours, it signs), selector.
sub new {
    my ($class, %opt) = @_;
    my $self = bless { domain => 'example.net', selector => 's1', number => 0, zone => [], %opt }, $class;
    return $self;
}

# A file with a key for tokens, which the daemon may read, for key-file.
sub key_file {
    my ($self) = @_;
    my $file = "$self->{dir}/key";
    spew($file, 'a ' . 'c0ffee' x 10 . "beef\n");
    chmod 0600, $file;
    chown scalar getpwnam('nobody'), -1, $file;
    return $file;
}

# A DKIM key of a domain: makes the files, and the line of the zone.
sub key {
    my ($self, $domain, $selector, $bits) = @_;
    $bits //= 2048;
    my $name = "$self->{dir}/$selector.$domain";
    my ($status, undef, $err) = run('openssl', 'genrsa', '-out', "$name.pem", $bits);
    die "openssl: $err" if $status != 0;
    (undef, my $public) = run('openssl', 'rsa', '-in', "$name.pem", '-pubout');
    $public =~ s/-----.*?-----|\s//g;
    my @strings = map { qq("$_") } "v=DKIM1; k=rsa; p=$public" =~ /(.{1,200})/g;
    push @{ $self->{zone} }, "$selector._domainkey.$domain TXT @strings";
    return $self;
}

# Write the zone; more lines may be given.
sub zone {
    my ($self, @lines) = @_;
    push @{ $self->{zone} }, @lines;
    spew("$self->{dir}/zone", join("\n", @{ $self->{zone} }) . "\n");
    return "$self->{dir}/zone";
}

# The message with a signature.
sub sign {
    my ($self, $message, $domain, $selector) = @_;
    $domain //= $self->{domain};
    $selector //= $self->{selector};
    my ($status, $out, $err) = run({ stdin => $message =~ s/\r\n/\n/gr }, prog('t/lib/sign_message'), $domain, $selector,
        "$self->{dir}/$selector.$domain.pem");
    die "sign_message: $status $err" if $status != 0;
    return $out;
}

# A connection as the MTA makes it.
sub connect {
    my ($self, $client, $helo) = @_;
    my $milter = BM::Milter->new($self->{daemon}->socket);
    $milter->client($client, 4711);
    $milter->say('H', "$helo\0");
    return $milter;
}

# Hand a message to the milter as Postfix does. Returns the last answer and what
# was changed: { headers => { name => value }, sender => [path, parameters] }.
sub pass {
    my ($self, $milter, $sender, $rcpts, $message) = @_;
    my ($head, $body) = split /\r?\n\r?\n/, $message, 2;
    my ($answer, $data, %change);
    $milter->say('M', join "\0", ref $sender ? @$sender : "<$sender>", '');
    $milter->say('R', "<$_>\0") for @$rcpts;
    $milter->say('T');
    for ($head =~ /^(\S[^\n]*(?:\n[ \t][^\n]*)*)/mg) {
        my ($name, $value) = /^([^:]+): ?(.*)\z/s or next;
        $milter->say('L', "$name\0$value\0");
    }
    $answer = $milter->say('N');
    $answer = $milter->say('B', ($body // '') =~ s/\r?\n/\r\n/gr) if $answer eq 'c';
    $milter->send('E') if $answer =~ /^[cs]/;
    while ($answer =~ /^[cshe]/) {
        ($answer, $data) = $milter->answer;
        $change{headers}{$1} = $2 if $answer eq 'h' && $data =~ /^([^\0]+)\0([^\0]*)/;
        $change{sender} = [split /\0/, $data] if $answer eq 'e';
        last if $answer eq 'c';
    }
    return ($answer, \%change);
}

# A message of ours leaves. Options: rcpts; list; sender, id, to, more (headers),
# parameters (of MAIL FROM), sign. What it is, with the marks that it got.
sub leave {
    my ($self, $milter, %m) = @_;
    my $n = ++$self->{number};
    $m{id}     //= "<out$n.$$\@$self->{domain}>";
    $m{sender} //= "app\@$self->{domain}";
    $m{to}     //= $m{rcpts}[0];
    my $list = $m{list} ? "List-Id: <news.$self->{domain}>\n" : '';
    my $text = "From: App <app\@$self->{domain}>\nTo: $m{to}\nSubject: Number $n\nMessage-ID: $m{id}\n"
        . "Date: Sat, 21 Nov 2020 10:00:00 +0000\n$list" . ($m{more} // '') . "\nHello number $n.\n";
    $text = $self->sign($text) if $m{sign} // 1;
    ($m{answer}, my $change) = $self->pass($milter, ["<$m{sender}>", @{ $m{parameters} || [] }], $m{rcpts}, $text);
    my $token = $change->{headers}{'X-Bouncemilter-Tag'};
    ($m{envid}) = ($change->{sender} ? $change->{sender}[1] : '') =~ /^ENVID=(.+)/;
    ($m{headers}, $m{body}) = split /\n\n/, $text, 2;
    $m{headers} .= "\nX-Bouncemilter-Tag: $token" if defined $token;
    $m{token} = $token;
    $self->{left} += $m{answer} eq 'a' && $m{sender} ne '' ? @{ $m{rcpts} } : 0;
    return \%m;
}

# How many rows the ledger has; waits until it has as many as left, if asked.
sub rows {
    my ($self) = @_;
    my (undef, $out) = run('mdb_stat', '-n', '-s', 'sent', $self->{daemon}->state_dir . '/sent.lmdb');
    return $out =~ /Entries: (\d+)/ ? $1 : 0;
}
sub wait_rows { my ($self) = @_; return wait_for(sub { $self->rows >= $self->{left} }, 20) }

# A delivery status notification. Options: rcpt; original; envid; headers,
# body, type (of what is returned: message/rfc822, text/rfc822-headers or ''),
# text, arrival, more (headers of the report).
my $reports = 0;
my $date    = "Date: Sat, 21 Nov 2020 11:00:00 +0000\n";

sub dsn {
    my ($self, %r) = @_;
    my $n = ++$reports;
    $r{type} //= 'text/rfc822-headers';
    $r{id}   //= "<dsn$n.$$\@mx.remote.test>";
    my $message = defined $r{envid}   ? "Original-Envelope-Id: $r{envid}\n" : '';
    $message .= defined $r{arrival}   ? "Arrival-Date: $r{arrival}\n"       : '';
    my $groups = '';
    for (ref $r{rcpt} ? @{ $r{rcpt} } : $r{rcpt}) {
        $groups .= "\nFinal-Recipient: rfc822; $_\n";
        $groups .= "Original-Recipient: rfc822; $r{original}\n" if defined $r{original};
        $groups .= "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; " . ($r{text} // '550 5.1.1 User unknown') . "\n";
    }
    my $returned = $r{type} eq '' ? '' : "--b\nContent-Type: $r{type}\n\n"
        . ($r{headers} // '') . "\n" . ($r{type} eq 'message/rfc822' ? "\n" . ($r{body} // "Hello.\n") : '');
    my $from = $r{from} // 'MAILER-DAEMON@mx.remote.test';
    return "From: $from\nTo: app\@$self->{domain}\nSubject: Undelivered\n${date}Message-ID: $r{id}\n" . ($r{more} // '')
        . "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        . "--b\n\nIt could not be delivered.\n--b\nContent-Type: message/delivery-status\n\n"
        . "Reporting-MTA: dns; mx.remote.test\n$message$groups\n$returned\n--b--\n";
}

# A complaint (RFC 5965). Options: rcpt (undef: redacted), headers, body, type.
sub arf {
    my ($self, %r) = @_;
    my $n = ++$reports;
    my $rcpt = defined $r{rcpt} ? "Original-Rcpt-To: <$r{rcpt}>\n" : '';
    my $from = $r{from} // 'feedback@provider.test';
    return "From: $from\nTo: abuse\@$self->{domain}\nSubject: FW\n${date}Message-ID: " . ($r{id} // "<arf$n.$$\@provider.test>")
        . "\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        . "--b\n\nAn abuse report.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: "
        . ($r{type} // 'abuse') . "\nUser-Agent: x/1\nVersion: 1\n$rcpt\n--b\nContent-Type: message/rfc822\n\n"
        . ($r{headers} // '') . "\n\n" . ($r{body} // "Hello.\n") . "\n--b--\n";
}

1;
