package BM::Site;

# A whole site: scripted MX, private Postfix with our tables and milter lines,
# and the daemon. What most end-to-end tests start from.

use strict;
use warnings;
use BM::Daemon;
use BM::MX;
use BM::Postfix;
use BM::SMTP ();
use BM::Util qw(spew tempdir wait_for);

# Options:
#   dir        default: a new one
#   mx         options of BM::MX
#   postfix    options of BM::Postfix
#   main       more main.cf parameters; transport_maps is put behind our table,
#              and GREETING[0] in a value is the MX's first port with a greeting
#              of its own
#   conf       more configuration, as BM::Daemon takes it
#   args       arguments of the daemon
#   tables     0: Postfix does not ask our tables
#   type       of the tables that Postfix asks: lmdb, the default, or cdb; what
#              the daemon writes is table-type in conf
#   log        the mail log that the daemon reads, as BM::Daemon takes it
#   clock      a BM::Clock for Postfix and the daemon
#   daemon     0: do not start it
sub new {
    my ($class, %opt) = @_;
    my $self = bless { dir => $opt{dir} // tempdir(), type => $opt{type} // 'lmdb' }, $class;
    my $dir  = $self->{dir};
    my %main = (BM::Daemon::milters(), %{ $opt{main} || {} });
    if ($opt{tables} // 1) {
        my %tables = BM::Daemon::tables("$dir/state", $self->{type});
        for my $name (keys %tables) {
            $main{$name} = defined $main{$name} ? "$tables{$name}, $main{$name}" : $tables{$name};
        }
    }
    $self->{mx} = BM::MX->new(dir => $dir, %{ $opt{mx} || {} });
    $main{$_} =~ s/GREETING\[(\d)\]/$self->{mx}->greeting_port($1)/ge for keys %main;
    my @env = $opt{clock} ? (env => $opt{clock}->env) : ();
    $self->{pf} = BM::Postfix->new(dir => $dir, mx_port => $self->{mx}->port, separate_pickup => 1, @env,
        %{ $opt{postfix} || {} }, main => \%main);
    $self->{daemon} = BM::Daemon->new(dir => $dir, postfix => $self->{pf}, conf => $opt{conf},
        args => $opt{args}, log => $opt{log}, @env);
    # Postfix makes its log a moment later; a daemon that finds none would say so.
    spew($self->{pf}->maillog, '') if ($opt{log} // 'none') ne 'none';
    $self->{daemon}->start if $opt{daemon} // 1;
    $self->{pf}->start;
    return $self;
}

sub dir    { return $_[0]{dir} }
sub mx     { return $_[0]{mx} }
sub pf     { return $_[0]{pf} }
sub daemon { return $_[0]{daemon} }

# Submit to the first smtpd; the options of BM::SMTP::submit.
sub submit {
    my ($self, $from, $rcpts, $message, %opt) = @_;
    return BM::SMTP::submit($opt{port} // $self->{pf}->port, $from, $rcpts, $message, %opt);
}

# A message with a Message-ID of its own.
my $number = 0;
sub message {
    my ($self, $subject) = @_;
    $number++;
    return "From: app\@example.net\nTo: somebody\nSubject: $subject\nMessage-ID: <m$number.$$\@example.net>\n\nHello.\n";
}

# Send to each of these in a message of its own.
sub send_each {
    my ($self, $from, @rcpts) = @_;
    return map { $self->submit($from, [$_], $self->message('test')) } @rcpts;
}

# Events as decoded objects, all or those of an address.
sub events {
    my ($self, $address) = @_;
    return grep { !defined $address || $_->{recipient} eq $address } $self->{daemon}->dump_json('--events');
}

# Wait for the n-th event of an address; returns it or an empty hash.
sub event {
    my ($self, $address, $n, $timeout) = @_;
    $n //= 1;
    my $found = wait_for(sub { ($self->events($address))[$n - 1] }, $timeout // 15);
    return $found || {};
}

sub unverified { my ($self, @filter) = @_; return $self->{daemon}->dump_json('--unverified', @filter) }

# The addresses that are suppressed, sorted.
sub suppressed {
    my ($self) = @_;
    my @addresses = sort map { $_->{address} } $self->{daemon}->dump_json;
    return @addresses;
}

sub is_suppressed { my ($self, $address) = @_; return scalar grep { $_ eq $address } $self->suppressed }

# The sum of the counters whose name with labels matches.
sub counter {
    my ($self, $re) = @_;
    my $sum = 0;
    for (split /\n/, $self->{daemon}->dump('--counters')) {
        my ($name, $value) = /^(.+?) +(\d+)$/ or next;
        $sum += $value if $name =~ $re;
    }
    return $sum;
}

sub wait_counter {
    my ($self, $re, $n, $timeout) = @_;
    wait_for(sub { $self->counter($re) >= $n }, $timeout // 15);
    return $self->counter($re);
}

# What the published table has for an address.
sub published {
    my ($self, $address, $table) = @_;
    return $self->{pf}->postmap_q("$self->{type}:$self->{dir}/state/" . ($table // 'access'), $address);
}

sub wait_published {
    my ($self, $address) = @_;
    return wait_for(sub { $self->published($address) }, 10);
}

# Every key of a published table; Postfix lists no cdb tables.
sub keys_of {
    my ($self, $table) = @_;
    my ($status, $out, $err) = $self->{pf}->command('postmap', '-s', "lmdb:$self->{dir}/state/$table");
    die "postmap -s $table: $err" if $status;
    return map { (split /\t/)[0] } split /\n/, $out;
}

# What smtpd answers to one recipient. Options: port, from, smtputf8, and those
# of BM::SMTP->new.
sub rcpt_answer {
    my ($self, $rcpt, %opt) = @_;
    my $smtp = BM::SMTP->new($opt{port} // $self->{pf}->port, %opt);
    $smtp->say('MAIL FROM:<' . ($opt{from} // 'app@example.net') . '>' . ($opt{smtputf8} ? ' SMTPUTF8' : ''));
    my $octets = $rcpt;
    utf8::encode($octets) if utf8::is_utf8($octets);
    my $answer = $smtp->say("RCPT TO:<$octets>");
    $smtp->quit;
    return $answer;
}

# A delivery report as a foreign MTA writes it. Options: to, recipients (list of
# { final, original, action, status, text, remote }), id (of the report),
# original_id, headers (more of them), type, notice, arrival, boundary.
my $reports = 0;
sub report {
    my ($self, %r) = @_;
    $reports++;
    my $to   = $r{to} // 'app@example.net';
    my $id   = $r{id} // "<report$reports.$$\@mx.remote.test>";
    my $orig = $r{original_id} // "<original$reports.$$\@example.net>";
    my $more = $r{headers} // '';
    my $groups = '';
    my $notice = $r{notice} // '';
    for my $rcpt (@{ $r{recipients} }) {
        my $text   = $rcpt->{text}   // '550 5.1.1 User unknown';
        my $status = $rcpt->{status} // '5.1.1';
        $groups .= "\nFinal-Recipient: rfc822; $rcpt->{final}\n";
        $groups .= "Original-Recipient: rfc822; $rcpt->{original}\n" if defined $rcpt->{original};
        $groups .= 'Action: ' . ($rcpt->{action} // 'failed') . "\nStatus: $status\n";
        $groups .= 'Remote-MTA: dns; ' . ($rcpt->{remote} // 'mx.remote.test') . "\n";
        $groups .= "Diagnostic-Code: smtp; $text\n";
    }
    my $arrival = defined $r{arrival} ? "Arrival-Date: $r{arrival}\n" : '';
    return <<"END";
From: MAILER-DAEMON\@mx.remote.test
To: $to
Subject: Undelivered Mail Returned to Sender
Message-ID: $id
${more}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b0undary"

--b0undary
Content-Type: text/plain

Your message could not be delivered.
$notice
--b0undary
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.remote.test
$arrival$groups
--b0undary
Content-Type: message/rfc822

From: app\@example.net
Subject: what came back
Message-ID: $orig

Hello.
--b0undary--
END
}

1;
