package BM::Daemon;

# The daemon under test, with a configuration, a state directory and a socket of
# its own. The socket lies where the packaged one does: in a setgid directory
# of the Postfix queue, so that chrooted and other services both reach it.

use strict;
use warnings;
use File::Path qw(make_path);
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use POSIX ();
use Scalar::Util qw(weaken);
use BM::Util qw(at_end prog run slurp spew top wait_for);

# Options:
#   dir      the directory, existing
#   postfix  a BM::Postfix; without one the socket is in DIR/run
#   conf     more configuration, as text or as { key => value }; a list becomes
#            { "a", "b" }, a number, true and false stay bare, the rest is quoted;
#            a hash becomes a section
#   args     more arguments for the daemon
#   env      more environment
#   log      the mail log that it reads: a path, 'none' (the default), or
#            'default' for what the daemon finds by itself
sub new {
    my ($class, %opt) = @_;
    my ($dir, $pf) = @opt{qw(dir postfix)};
    my $run  = $pf ? $pf->queue_dir . '/bouncemilter' : "$dir/run";
    my $self = bless {
        owner  => $$,
        child  => 0,
        dir    => $dir,
        conf   => "$dir/bouncemilter.conf",
        log    => "$dir/daemon.log",
        socket => "$run/milter.sock",
        state  => "$dir/state",
        args   => $opt{args} || [],
        lane   => $opt{log} // 'none',
        env    => $opt{env} || {},
    }, $class;

    my (undef, undef, $uid, $gid) = getpwnam 'nobody' or die "no user nobody\n";
    _directory($run, $uid, $pf ? scalar getgrnam 'postfix' : $gid, 02750);
    _directory($self->{state}, $uid, $gid, 0750);
    # Where the daemon can read them again as nobody, wherever the tree lies.
    make_path("$dir/rules");
    spew("$dir/rules/" . s{.*/}{}r, slurp($_)) for glob(top() . '/rules/*.rules'), top() . '/rules/providers.list';
    $self->configure($opt{conf}, $pf);
    weaken(my $weak = $self);
    at_end(sub { $weak->stop if $weak });
    return $self;
}

sub _directory {
    my ($path, $uid, $gid, $mode) = @_;
    make_path($path);
    chown $uid, $gid, $path or die "$path: $!\n";
    chmod $mode, $path or die "$path: $!\n";    # after chown, which may clear setgid
    return;
}

# Write the configuration anew; what the test gives comes last and wins, and
# what it gives as undef is left out.
sub configure {
    my ($self, $more, $pf) = @_;
    $self->{postfix_config} = $pf->conf_dir if $pf;
    $self->{socket} = $1 if ref $more && ($more->{socket} // '') =~ /^unix:(.*)/;
    my %conf = (
        'socket'    => "unix:$self->{socket}",
        'state-dir' => $self->{state},
        'user'      => 'nobody',
        # The remote servers of the tests are on loopback.
        'relays'    => [],
        'rules-dir' => "$self->{dir}/rules",
        'local-rules-dir' => "$self->{dir}/rules.d",
        $self->{postfix_config} ? ('postfix-config' => $self->{postfix_config}) : (),
        ref $more ? %$more : (),
    );
    my $text = join '', map { _setting($_, $conf{$_}) } sort keys %conf;
    $text .= $self->_log_section if ref $more ? !$more->{log} : ($more // '') !~ /^log\s*\{/m;
    if (defined $more && !ref $more) {
        # A setting may stand in a file once.
        $text =~ s/^\Q$_\E = .*\n//m for $more =~ /^([\w-]+)\s*=/mg;
        $text .= $more;
    }
    # Who wants no brake wants no breaker: his suppressions come in masses.
    $text .= "alert breaker { enabled = no }\n"
        if $text =~ /^max-suppressions = "?0"?$/m && $text !~ /^alert breaker/m;
    spew($self->{conf}, "$text\n");
    return $self;
}

# A section may stand in a file once, like a setting: a test's own goes before.
sub _log_section {
    my ($self) = @_;
    return '' if $self->{lane} eq 'default';
    return _setting('log', $self->{lane} eq 'none' ? { none => 'yes' } : { file => $self->{lane} });
}

sub _setting {
    my ($name, $v) = @_;
    return '' if !defined $v;
    return "$name = " . _value($v) . "\n" if ref $v ne 'HASH';
    return "$name {\n" . join('', map { '    ' . _setting($_, $v->{$_}) } sort keys %$v) . "}\n";
}

sub _value {
    my ($v) = @_;
    return '{ ' . join(', ', map { _value($_) } @$v) . ' }' if ref $v;
    return $v if $v =~ /^(?:-?\d+|true|false)\z/;
    return '"' . $v =~ s/(["\\])/\\$1/gr . '"';
}

# The main.cf parameters that make Postfix ask the tables in a directory; of
# type lmdb, if no other is given.
sub tables {
    my ($state, $type) = @_;
    $type //= 'lmdb';
    return (
        smtpd_recipient_restrictions => "check_recipient_access $type:$state/access",
        transport_maps               => "$type:$state/transport",
    );
}

# The main.cf parameters that put the daemon into the way of all mail.
sub milters {
    my $milter = '{ unix:bouncemilter/milter.sock, default_action=accept,'
        . ' connect_timeout=2s, command_timeout=5s, content_timeout=30s }';
    return (
        smtpd_milters                => $milter,
        non_smtpd_milters            => $milter,
        internal_mail_filter_classes => 'bounce',
    );
}

sub conf_file { return $_[0]{conf} }
sub socket    { return $_[0]{socket} }
sub state_dir { return $_[0]{state} }
sub pid       { return $_[0]{child} }

# Returns when the socket accepts connections; dies with the log if it never does.
sub start {
    my ($self, $timeout) = @_;
    my $prog = prog('bouncemilter');
    $self->{child} = fork // die "fork: $!\n";
    if (!$self->{child}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDIN,  '<',  '/dev/null'  or POSIX::_exit(126);
        open STDERR, '>>', $self->{log} or POSIX::_exit(126);
        open STDOUT, '>&', \*STDERR     or POSIX::_exit(126);
        $ENV{$_} = $self->{env}{$_} for keys %{ $self->{env} };
        { no warnings 'exec'; exec { $prog } $prog, '-f', '-c', $self->{conf}, @{ $self->{args} }; }
        print STDERR "$prog: $!\n";
        POSIX::_exit(127);
    }
    wait_for(sub { $self->_answers || !$self->alive }, $timeout // 20);
    return $self if $self->{child} && $self->_answers;
    $self->kill9;
    die "the daemon does not come up\n" . $self->log;
}

sub _answers {
    my ($self) = @_;
    return !!IO::Socket::UNIX->new(Peer => $self->{socket});
}

# Whether it still runs; `status` has the end of one that does not.
sub alive {
    my ($self) = @_;
    return 0 if !$self->{child};
    return 1 if waitpid($self->{child}, POSIX::WNOHANG()) == 0;
    $self->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    $self->{child} = 0;
    return 0;
}

# The exit status of the last run, 128 + signal if a signal ended it.
sub status { return $_[0]{status} }

sub _end {
    my ($self, $signal, $timeout) = @_;
    return $self->{status} if $self->{owner} != $$ || !$self->alive;
    kill $signal, $self->{child};
    return $self->{status} if wait_for(sub { !$self->alive }, $timeout);
    kill 'KILL', $self->{child};
    wait_for(sub { !$self->alive }, 5);
    die "the daemon did not end within $timeout s after SIG$signal\n";
}

# Both return the exit status.
sub stop  { my ($self) = @_; return $self->_end('TERM', 20) }
sub kill9 { my ($self) = @_; return $self->_end('KILL', 5) }

sub DESTROY {
    my ($self) = @_;
    local ($@, $?, $!);
    eval { $self->stop };
    return;
}

sub restart { my ($self) = @_; $self->stop; return $self->start }
sub reload  { my ($self) = @_; kill 'USR1', $self->{child}; return $self }

sub log { my ($self) = @_; return slurp($self->{log}) }

# The same without the incidents that a test brings about by its masses, and
# without its leaps through time.
sub own_log {
    my ($self) = @_;
    return join '', grep { !/: incident \d+ |: alerts without a log: |: (?:warning: )?the clock (?:was set|leapt) / } split /^/m, $self->log;
}

# Wait for a line; returns its first capture, else what matched, '' if none came.
sub wait_log {
    my ($self, $re, $timeout) = @_;
    return wait_for(sub { $self->log =~ $re ? $1 // $& : '' }, $timeout) // '';
}

# Run one of the tools on this configuration: status, stdout, stderr.
sub tool {
    my ($self, $name, @args) = @_;
    return run(prog($name), '-c', $self->{conf}, @args);
}

# What bouncemilter-dump prints; status 1 is its way to say "nothing".
sub dump {
    my ($self, @args) = @_;
    my ($status, $out, $err) = $self->tool('bouncemilter-dump', @args);
    die "bouncemilter-dump @args: status $status\n$err" if $status > 1;
    return $out;
}

# The same as a list of decoded objects.
sub dump_json {
    my ($self, @args) = @_;
    return map { decode_json($_) } split /\n/, $self->dump('--json', @args);
}

# bouncemilter-suppress: status, stdout, stderr.
sub suppress { my ($self, @args) = @_; return $self->tool('bouncemilter-suppress', @args) }

1;
