package BM::Postfix;

# A private Postfix in a directory of its own, listening on 127.0.0.1 only. It
# takes the programs of an installed Postfix that can read LMDB, else those that
# t/lib/deps unpacked; the configuration, queue and processes of an installed
# one are never touched. Needs root.

use strict;
use warnings;
use File::Find qw(find);
use File::Path qw(make_path);
use File::Temp ();
use JSON::PP qw(decode_json);
use Scalar::Util qw(weaken);
use BM::Util qw(at_end free_port group run slurp spew top wait_for);

# Where the programs are: the root of an unpacked tree, '' for an installed
# Postfix, undef for none.
my ($root, $looked);

sub _root {
    return $root if $looked++;
    my $unpacked = top() . '/build/mta/root';
    if (($ENV{BM_MTA} // '') ne 'unpack' && -x '/usr/sbin/postfix') {
        # An installed Postfix may have no main.cf, and postconf wants one.
        my $conf = File::Temp::tempdir('bm-XXXXXX', DIR => '/tmp', CLEANUP => 1);
        spew("$conf/main.cf", '');
        _age($conf);
        my (undef, $types) = run('/usr/sbin/postconf', '-c', $conf, '-m');
        return $root = '' if $types =~ /^lmdb$/m;
    }
    return $root = -d $unpacked ? $unpacked : undef;
}

# Why there can be no private Postfix, '' if there can.
sub absent {
    return 'needs root' if $> != 0;
    return defined _root() ? '' : 'no Postfix with LMDB tables: run t/lib/deps';
}

# Options:
#   dir              the directory, existing, mode 0755 all the way up
#   main             more main.cf parameters
#   mx_port          where mail for any domain goes (BM::MX); all bounces without it
#   services         list of { port, chroot => 0|1, opts => ['name=value'] },
#                    one smtpd each; the default is one unchrooted smtpd
#   separate_pickup  give sendmail(1) mail a cleanup service of its own
#   master           more lines of master.cf
#   env              more environment of its programs
sub new {
    my ($class, %opt) = @_;
    die absent() . "\n" if absent();
    my $dir  = $opt{dir};
    my $self = bless {
        pid      => $$,
        conf     => "$dir/etc",
        queue    => "$dir/queue",
        data     => "$dir/data",
        maillog  => "$dir/maillog",
        services => [map { +{ port => free_port(), %$_ } } @{ $opt{services} || [{}] }],
        pickup   => $opt{separate_pickup},
        master   => $opt{master} // '',
        env      => {
            _root() eq '' ? () : (LD_LIBRARY_PATH => _root() . '/usr/lib/postfix'),
            %{ $opt{env} || {} },
        },
    }, $class;
    $self->_make_directories;
    $self->_write_main($opt{mx_port}, $opt{main} || {});
    $self->_write_master;
    weaken(my $weak = $self);    # so that DESTROY can come earlier
    at_end(sub { $weak->stop if $weak });
    return $self;
}

# What "postfix check" would make, without its second of shell scripts.
sub _make_directories {
    my ($self) = @_;
    my (undef, undef, $uid, $gid) = getpwnam 'postfix' or die "no user postfix\n";
    my $drop  = getgrnam('postdrop') // die "no group postdrop\n";
    my $queue = $self->{queue};
    my $make  = sub {
        my ($path, $mode, $owner, $group) = @_;
        make_path($path);
        chown $owner, $group, $path or die "$path: $!\n";
        chmod $mode, $path or die "$path: $!\n";
    };
    $make->($_, 0755, 0, 0) for $self->{conf}, $queue, "$queue/pid";
    $make->("$queue/$_", 0700, $uid, 0)
        for qw(active bounce corrupt defer deferred flush hold incoming private saved trace);
    $make->("$queue/maildrop", 0730, $uid, $drop);
    $make->("$queue/public",   0710, $uid, $drop);
    $make->($self->{data}, 0700, $uid, $gid);
    return;
}

sub _write_main {
    my ($self, $mx_port, $more) = @_;
    my $mx   = $mx_port ? "smtp:[127.0.0.1]:$mx_port" : 'error:5.4.4 this test has no MX';
    my %main = (
        compatibility_level   => '3.6',
        queue_directory       => $self->{queue},
        data_directory        => $self->{data},
        maillog_file          => $self->{maillog},
        maillog_file_prefixes => $self->{maillog},
        myhostname            => 'mta.example.net',
        mydomain              => 'example.net',
        mydestination         => '',
        inet_interfaces       => 'loopback-only',
        inet_protocols        => 'ipv4',
        mynetworks            => '127.0.0.0/8',
        alias_maps            => '',
        alias_database        => '',
        local_recipient_maps  => '',
        biff                  => 'no',
        append_dot_mydomain   => 'no',
        notify_classes        => '',
        # No question to a name server, so that no answer is waited for.
        smtp_dns_support_level => 'disabled',
        smtp_host_lookup       => 'native',
        smtpd_peername_lookup  => 'no',
        smtp_connect_timeout   => '5s',
        # Tests send more at once than a neighbour would be allowed to.
        smtpd_client_connection_count_limit => 0,
        smtpd_relay_restrictions            => 'permit_mynetworks, reject_unauth_destination',
        default_transport => $mx,
        relay_transport   => $mx,
    );
    if (my $lib = $self->{env}{LD_LIBRARY_PATH}) {
        my $root = _root();
        %main = (
            %main,
            command_directory  => "$root/usr/sbin",
            daemon_directory   => "$lib/sbin",
            shlib_directory    => $lib,
            meta_directory     => "$root/etc/postfix",
            sendmail_path      => "$root/usr/sbin/sendmail",
        );
    }
    if (my $env = join '', map { " $_=$self->{env}{$_}" } sort keys %{ $self->{env} }) {
        $main{export_environment} = "TZ MAIL_CONFIG LANG$env";
        $main{import_environment} =
            "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME$env";
    }
    %main = (%main, %$more);
    spew("$self->{conf}/main.cf", join '', map { "$_ = $main{$_}\n" } sort keys %main);
    _age($self->{conf});
    return;
}

# Every Postfix program waits until main.cf is more than a second old, lest it
# read half of a change.
sub _age {
    my ($conf) = @_;
    my $before = time - 10;
    utime $before, $before, "$conf/main.cf";
    return;
}

# pickup and cleanup are chrooted as Debian has them: a milter's socket has to
# be reachable from in there.
sub _write_master {
    my ($self) = @_;
    my $pickup_opts = $self->{pickup} ? "\n  -o cleanup_service_name=pcleanup" : '';
    my $master = <<"EOF";
pickup     unix       n - y 60    1 pickup$pickup_opts
cleanup    unix       n - y -     0 cleanup
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
verify     unix       - - n -     1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n -     - proxymap
proxywrite unix       - - n -     1 proxymap
smtp       unix       - - n -     - smtp
relay      unix       - - n -     - smtp
lmtp       unix       - - n -     - lmtp
showq      unix       n - n -     - showq
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
local      unix       - n n -     - local
virtual    unix       - n n -     - virtual
anvil      unix       - - n -     1 anvil
scache     unix       - - n -     1 scache
postlog    unix-dgram n - n -     1 postlogd
EOF
    $master .= <<'EOF' if $self->{pickup};
pcleanup   unix       n - y -     0 cleanup
  -o syslog_name=postfix/pickup
  -o milter_macro_daemon_name=PICKUP
EOF
    for my $s (@{ $self->{services} }) {
        $master .= sprintf "127.0.0.1:%d inet n - %s - - smtpd\n", $s->{port}, $s->{chroot} ? 'y' : 'n';
        $master .= "  -o { $_ }\n" for @{ $s->{opts} || [] };
    }
    spew("$self->{conf}/master.cf", $master . $self->{master});
    return;
}

sub conf_dir  { return $_[0]{conf} }
sub queue_dir { return $_[0]{queue} }
sub maillog   { return $_[0]{maillog} }

# The port of the i-th service, from 0.
sub port { my ($self, $i) = @_; return $self->{services}[$i // 0]{port} }

# Run one of Postfix's commands for this instance: status, stdout, stderr. A
# leading hash goes to BM::Util::run.
sub command {
    my ($self, @cmd) = @_;
    my $opt  = ref $cmd[0] ? shift @cmd : {};
    my $name = shift @cmd;
    my $flag = $name eq 'sendmail' ? '-C' : '-c';
    return run({ %$opt, env => $self->{env} }, _root() . "/usr/sbin/$name", $flag, $self->{conf}, @cmd);
}

sub _must {
    my ($self, @cmd) = @_;
    my ($status, $out, $err) = $self->command(@cmd);
    die "@cmd: status $status\n$err" . $self->log if $status;
    return $out;
}

# Returns when the master listens on every port. Connects to none of them, so
# that a milter sees nothing of it.
sub start {
    my ($self) = @_;
    spew("$self->{queue}/quick-start", '');    # the directories are right
    $self->_must('postfix', 'start');
    for my $s (@{ $self->{services} }) {
        wait_for(sub { _listens($s->{port}) }, 10)
            or die "Postfix does not listen on port $s->{port}\n" . $self->log;
    }
    return $self;
}

sub _listens {
    my ($port) = @_;
    my $entry = sprintf '0100007F:%04X 00000000:0000 0A', $port;
    return slurp('/proc/net/tcp') =~ /$entry/;
}

# The process id of this instance's master, 0 if it does not run. A number left
# over in the pid file may be somebody else's by now.
sub master_pid {
    my ($self) = @_;
    my ($pid) = slurp("$self->{queue}/pid/master.pid") =~ /(\d+)/ or return 0;
    return (readlink("/proc/$pid/cwd") // '') eq $self->{queue} ? $pid : 0;
}

# The master leads a process group of its own that holds all its daemons.
sub stop {
    my ($self) = @_;
    my $pid = $self->master_pid or return $self;
    my $gone = sub { !group($pid) };
    kill 'TERM', $pid;
    return $self if wait_for($gone, 10);
    kill 'KILL', -$pid;
    wait_for($gone, 5) or die "Postfix $pid does not end\n";
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $?, $!);
    $self->stop if $self->{pid} == $$;
    return;
}

sub reload { my ($self) = @_; $self->_must('postfix', 'reload'); return $self }

# Values of main.cf parameters.
sub postconf {
    my ($self, @names) = @_;
    my @values = map { s/\n\z//r } map { $self->_must('postconf', '-h', $_) } @names;
    return wantarray ? @values : $values[0];
}

# Set main.cf parameters; running daemons need a reload for it.
sub set {
    my ($self, %param) = @_;
    $self->_must('postconf', '-e', map { "$_=$param{$_}" } sort keys %param);
    _age($self->{conf});
    return $self;
}

# The value of a key, undef if the table does not have it.
sub postmap_q {
    my ($self, $table, $key) = @_;
    my ($status, $out, $err) = $self->command('postmap', '-q', $key, $table);
    die "postmap -q $key $table: $err" if $err ne '';
    return undef if $status;
    chomp $out;
    return $out;
}

# Submit a message as a local program does: status and stderr.
sub sendmail {
    my ($self, @args) = @_;
    my $message = pop @args;
    my ($status, undef, $err) = $self->command({ stdin => $message }, 'sendmail', @args);
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
    my @dirs = map { "$self->{queue}/$_" } qw(maildrop incoming active deferred hold);
    return !!wait_for(sub {
        my $files = 0;
        find({ wanted => sub { $files++ if -f }, no_chdir => 1 }, @dirs);
        return !$files;
    }, $timeout);
}

# What is in the queue: postqueue -j, decoded.
sub queue {
    my ($self) = @_;
    return map { decode_json($_) } split /\n/, $self->_must('postqueue', '-j');
}

# Try everything that is deferred now.
sub flush { my ($self) = @_; $self->_must('postqueue', '-f'); return $self }

1;
