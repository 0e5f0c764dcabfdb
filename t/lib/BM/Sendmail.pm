package BM::Sendmail;

# A private Sendmail in a directory of its own, listening on 127.0.0.1 only. It
# takes the programs that t/lib/deps unpacked; an installed MTA is not touched.
# Needs root, as Sendmail does.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path);
use POSIX ();
use Scalar::Util qw(weaken);
use BM::Util qw(at_end free_port prog run slurp spew top wait_for);

my $root    = top() . '/build/sendmail/root';
my $program = abs_path("$root/usr/libexec/sendmail/sendmail") // '';    # as /proc has it
my $preload = prog('t/lib/sendmail-preload.so');

# Why there can be no private Sendmail, '' if there can.
sub absent {
    return 'needs root' if $> != 0;
    return 'no unpacked Sendmail: run t/lib/deps' if !-x $program;
    return 'no m4: run t/lib/deps' if !grep { -x "$_/m4" } split /:/, $ENV{PATH};
    return -e $preload ? '' : "no $preload: make tests";
}

# Options:
#   dir       the directory, existing, mode 0755 all the way up
#   mx_port   where mail for any domain goes (BM::MX); without it to wherever
#             the mc lines say
#   milter    path of a milter's socket; the lines are those of contrib/sendmail.mc
#   mc        more lines of sendmail.mc; the last define of a name wins
#   access    text of an access_db
#   interval  between two runs of the queue, 1s
#   tag       the name in the log, sendmail
sub new {
    my ($class, %opt) = @_;
    die absent() . "\n" if absent();
    my $dir  = abs_path($opt{dir}) . '/sendmail';
    my $self = bless {
        owner    => $$,
        child    => 0,
        dir      => $dir,
        conf     => "$dir/sendmail.cf",
        queue    => "$dir/queue",
        maillog  => "$dir/maillog",
        port     => free_port(),
        interval => $opt{interval} // '1s',
        tag      => $opt{tag} // 'sendmail',
    }, $class;
    make_path($dir);
    make_path($self->{queue}, { mode => 0700 });
    spew("$dir/switch", "hosts files\naliases files\npasswd files\n");
    spew("$dir/discard", "#!/bin/sh\ncat >/dev/null\n");
    chmod 0755, "$dir/discard" or die "$dir/discard: $!\n";
    $self->_write_mc(%opt);
    $self->access($opt{access}) if defined $opt{access};
    weaken(my $weak = $self);    # so that DESTROY can come earlier
    at_end(sub { $weak->stop if $weak });
    return $self;
}

sub _write_mc {
    my ($self, %opt) = @_;
    my $dir = $self->{dir};
    my %define = (
        confDOMAIN_NAME         => 'smta.example.net',
        QUEUE_DIR               => $self->{queue},
        confPID_FILE            => "$dir/sendmail.pid",
        confSERVICE_SWITCH_FILE => "$dir/switch",
        confCW_FILE             => '-o /nonexistent',
        # Without a file every local address would wait for one.
        ALIAS_FILE              => 'null:',
        LOCAL_MAILER_PATH       => "$dir/discard",
        LOCAL_MAILER_ARGS       => 'discard $u',    # without $u it would speak SMTP
        STATUS_FILE             => '',
        HELP_FILE               => '',
        confTRUSTED_USER        => 'root',
        confTO_IDENT            => '0',
        confDONT_PROBE_INTERFACES => 'True',
        confTO_ICONNECT         => '5s',
        # Nothing waits because the machine is busy with other tests.
        confQUEUE_LA            => '1000',
        confREFUSE_LA           => '1000',
        confDONT_BLAME_SENDMAIL => 'InsufficientEntropy,TrustStickyBit',
        $opt{mx_port} ? (
            SMART_HOST        => 'esmtp:[127.0.0.1]',
            ESMTP_MAILER_ARGS => "TCP \$h $opt{mx_port}",
        ) : (),
    );
    my @features = qw(no_default_msa nocanonify accept_unresolvable_domains accept_unqualified_senders promiscuous_relay);
    push @features, "access_db', `hash -T<TMPF> $dir/access" , 'blocklist_recipients' if defined $opt{access};
    my $mc = "divert(-1)\ninclude(`$root/usr/share/sendmail/cf/m4/cf.m4')\ndivert(0)\nOSTYPE(`linux')dnl\n";
    $mc .= "define(`$_', `$define{$_}')dnl\n" for sort keys %define;
    $mc .= "FEATURE(`$_')dnl\n" for @features;
    $mc .= "DAEMON_OPTIONS(`Port=$self->{port}, Addr=127.0.0.1, Name=MTA')dnl\n";
    $mc .= slurp(top() . '/contrib/sendmail.mc') =~ s{`S=unix:\K[^,]*}{$opt{milter}}r if $opt{milter};
    # Local mail, such as double bounces, is thrown away, whoever it is for.
    $mc .= "MODIFY_MAILER_FLAGS(`LOCAL', `-fw5')dnl\n";
    $mc .= ($opt{mc} // '') . "MAILER(`local')dnl\nMAILER(`smtp')dnl\n";
    spew("$dir/sendmail.mc", $mc);
    my ($status, $cf, $err) = run('m4', "$dir/sendmail.mc");
    die "m4: $err\n" if $status || $err =~ /ERROR/;    # a WARNING speaks of the open relay
    spew($self->{conf}, $cf);
    return;
}

# Write the access_db anew; a running Sendmail looks at it each time.
sub access {
    my ($self, $text) = @_;
    my ($status, undef, $err) = run({ stdin => $text, env => $self->_env }, "$root/usr/libexec/sendmail/makemap",
        '-C', $self->{conf}, 'hash', "$self->{dir}/access");
    die $err if $status;
    return $self;
}

sub port      { return $_[0]{port} }
sub conf      { return $_[0]{conf} }
sub queue_dir { return $_[0]{queue} }
sub maillog   { return $_[0]{maillog} }

sub _env {
    my ($self) = @_;
    my ($lib) = glob "$root/usr/lib/*-linux-gnu";
    return { LD_LIBRARY_PATH => $lib, LD_PRELOAD => $preload, BM_HOSTNAME => 'smta.example.net',
        BM_SYSLOG => $self->{maillog} };
}

# Returns when it listens. Connects to it not, so that a milter sees nothing of it.
sub start {
    my ($self) = @_;
    my $env = $self->_env;
    $self->{child} = fork // die "fork: $!\n";
    if (!$self->{child}) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
        open STDIN,  '<',  '/dev/null'          or POSIX::_exit(126);
        open STDERR, '>>', "$self->{dir}/errors" or POSIX::_exit(126);
        open STDOUT, '>&', \*STDERR             or POSIX::_exit(126);
        $ENV{$_} = $env->{$_} for keys %$env;
        { no warnings 'exec'; exec { $program } $program, '-C', $self->{conf}, '-L', $self->{tag}, '-bD', "-q$self->{interval}"; }
        print STDERR "$program: $!\n";
        POSIX::_exit(127);
    }
    wait_for(sub { $self->_listens || !$self->alive }, 20);
    return $self if $self->{child} && $self->_listens;
    $self->stop;
    die "Sendmail does not come up\n" . slurp("$self->{dir}/errors") . $self->log;
}

sub _listens {
    my ($self) = @_;
    my $entry = sprintf '0100007F:%04X 00000000:0000 0A', $self->{port};
    return slurp('/proc/net/tcp') =~ /$entry/;
}

sub alive {
    my ($self) = @_;
    return 0 if !$self->{child};
    return 1 if waitpid($self->{child}, POSIX::WNOHANG()) == 0;
    $self->{child} = 0;
    return 0;
}

# All processes of this instance. What delivers in the background has a session
# of its own, so that no group and no parent holds them together. One that is
# about to end has lost its program before its directory.
sub _processes {
    my ($self) = @_;
    my @pids;
    for my $dir (glob '/proc/[0-9]*') {
        next if (readlink("$dir/cwd") // '') ne $self->{queue} || (readlink("$dir/exe") // $program) ne $program;
        push @pids, $dir =~ m{(\d+)\z};
    }
    return @pids;
}

sub stop {
    my ($self) = @_;
    return $self if $self->{owner} != $$;
    # Looked for twice, because one may fork behind the back of the first look.
    my $gone = sub { !$self->alive && !$self->_processes && !$self->_processes };
    for my $signal (qw(TERM KILL)) {
        kill $signal, $self->{child} if $self->alive;
        wait_for(sub { !$self->alive }, 10);    # before its children, of which it makes more
        return $self if wait_for(sub { kill $signal, $self->_processes; $gone->() }, 5);
    }
    die "Sendmail does not end: @{[$self->_processes]}\n";
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $?, $!);
    eval { $self->stop };
    return;
}

# Submit a message as a local program does: status and stderr.
sub sendmail {
    my ($self, @args) = @_;
    my $message = pop @args;
    my ($status, undef, $err) = run({ stdin => $message, env => $self->_env }, $program, '-C', $self->{conf},
        '-L', $self->{tag}, '-bm', @args);
    return wantarray ? ($status, $err) : $status;
}

sub log { my ($self) = @_; return slurp($self->{maillog}) }

# Wait for a line; returns its first capture, else what matched, '' if none came.
sub wait_log {
    my ($self, $re, $timeout) = @_;
    return wait_for(sub { $self->log =~ $re ? $1 // $& : '' }, $timeout) // '';
}

# Wait till no message is left; a deferred one keeps the queue from being empty.
sub queue_empty {
    my ($self, $timeout) = @_;
    return !!wait_for(sub { my @files = glob "$self->{queue}/*"; !@files }, $timeout);
}

1;
