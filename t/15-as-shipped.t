#!/usr/bin/perl
# Installed and used as a person does it: make install, the unit's directories,
# the shipped configuration unchanged, a stock Postfix whose services run
# chrooted, and the one line that people type:
#
#   smtpd_milters = unix:/run/bouncemilter.sock
#
# All of it in a mount namespace of its own, so that nothing of it is left and
# a Postfix of this machine is not touched.

use strict;
use warnings;
use FindBin;
use Test::More;
use BM::Util qw(free_port prog run slurp spew tempdir top wait_for);
use BM::MX;
use BM::SMTP;

if (!$ENV{BM_NAMESPACE}) {
    $ENV{BM_NAMESPACE} = 1;
    exec 'unshare', '--mount', '--propagation=private', $^X, "-I$FindBin::Bin/lib", $0
        or die "unshare: $!\n";
}

sub sh {
    my ($status, $out, $err) = run({ timeout => 60 }, 'sh', '-ec', $_[0]);
    is $status, 0, $_[1] or diag $out, $err;
    return $out;
}

my $top = top();
my $dir = tempdir();
my $mx  = BM::MX->new(dir => $dir);
my ($chrooted, $plain) = (free_port(), free_port());
my $mta = $ENV{BM_MTA} && $ENV{BM_MTA} eq 'unpack' || !-x '/usr/sbin/postfix';

sh(<<"EOF", 'a world of our own');
mkdir $dir/over
mount -t tmpfs tmpfs $dir/over
for d in etc var usr; do
    mkdir -p $dir/over/\$d/up $dir/over/\$d/work
    mount -t overlay overlay -o lowerdir=/\$d,upperdir=$dir/over/\$d/up,workdir=$dir/over/\$d/work /\$d
done
mount -t tmpfs tmpfs /run
mkdir -p /etc/postfix /var/spool/postfix /var/lib/postfix
mkdir $dir/over/postfix
cp -a /etc/postfix/. $dir/over/postfix
mount -t tmpfs tmpfs /etc/postfix
mount -t tmpfs tmpfs /var/spool/postfix
mount -t tmpfs tmpfs /var/lib/postfix
chown postfix:postfix /var/lib/postfix
cp -a $dir/over/postfix/. /etc/postfix
[ -z "$mta" ] || { cp -a $top/build/mta/root/usr/. /usr; cp -a $top/build/mta/root/etc/postfix/. /etc/postfix; }
# A host's name must not be looked up inside the chroot.
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
: >/var/log/mail.log
EOF

spew('/etc/postfix/main.cf', <<"EOF");
compatibility_level = 3.6
myhostname = mta.example.net
mydestination = mta.example.net, localhost
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
alias_maps =
maillog_file = /var/log/mail.log
default_transport = smtp:[127.0.0.1]:@{[$mx->port]}
disable_dns_lookups = yes
smtpd_peername_lookup = no
EOF

my $build = prog('bouncemilter') =~ s{/bouncemilter$}{}r;
sh("cd $top && make -s B=$build install", 'make install');
sh('systemd-sysusers; systemd-tmpfiles --create bouncemilter.conf', 'users and directories');

my $sbin = '/usr/local/sbin';
sh("$sbin/bouncemilter", 'it starts with the shipped configuration, and goes to the background');
my ($pid) = grep { (readlink "/proc/$_/exe" || '') eq "$sbin/bouncemilter" }
    map { m{(\d+)$} } glob '/proc/[0-9]*';
ok $pid, 'it runs';
ok -e "/var/lib/bouncemilter/$_.lmdb", "table $_ is there"
    for qw(access transport complaint-access complaint-transport);

# What -t prints is what has to be done: run it, but with the short line.
my $advice = sh("$sbin/bouncemilter -t", 'bouncemilter -t');
my ($commands) = $advice =~ /\n\n(.*)/s;
sh($commands, 'its lines can be run as they are printed');
sh("postconf -e 'smtpd_milters = unix:/run/bouncemilter.sock' "
      . "'non_smtpd_milters = unix:/run/bouncemilter.sock'", 'the line that people type');
like sh("$sbin/bouncemilter -t", 'again'), qr/# smtpd_milters has no default_action=accept/,
    'what the short line leaves open is said';
sh('postconf -e milter_default_action=accept', 'the same for all milters');
like sh("$sbin/bouncemilter -t", 'again'), qr/has all the lines it needs/, 'nothing is missing';
sh("postconf -MX smtp/inet; postconf -M 127.0.0.1:$chrooted/inet='127.0.0.1:$chrooted inet n - y - - smtpd' "
      . "127.0.0.1:$plain/inet='127.0.0.1:$plain inet n - n - - smtpd'", 'ports of our own');
like sh('postconf -M cleanup/unix', 'cleanup'), qr/cleanup\s+unix\s+n\s+-\s+y\s/, 'stock: chrooted';
sh('postfix start', 'Postfix starts');
wait_for(sub { BM::Util::accepts($chrooted) && BM::Util::accepts($plain) }, 20);

# The remote server of this test is on loopback, which is our own site unless
# it is said otherwise.
spew('/etc/bouncemilter/bouncemilter.conf', slurp('/etc/bouncemilter/bouncemilter.conf') . "relays = {}\n");
kill USR1 => $pid;

sub log_of { return slurp('/var/log/mail.log') }

my $n = 0;
for my $port ($chrooted, $plain) {
    my $dead = ++$n . '.550.5.1.1@remote.example';
    my $mail = "From: app\@example.com\nSubject: $n\n\nhello\n";
    my $sent = BM::SMTP::submit($port, 'app@example.com', [$dead], $mail);
    like $sent->{data}, qr/^250/, "port $n: accepted the first time";
    my $refused = wait_for(sub {
        my $again = BM::SMTP::submit($port, 'app@example.com', [$dead], $mail);
        return $again->{rcpt}{$dead} =~ /^550 5\.1\.1 .*suppressed by bouncemilter \(user-unknown\)/;
    }, 20);
    ok $refused, "port $n: refused the next time" or diag log_of();
}
unlike log_of(), qr/warning: connect to Milter service/, 'every service found the socket';
ok wait_for(sub { (run("$sbin/bouncemilter-dump", '--counters'))[1] =~ /^attempts_total\{outcome="failed"\} +[2-9]$/m }, 10),
    'the log of this Postfix was found, and is read';
sh("$sbin/bouncemilter-dump --explain 1.550.5.1.1\@remote.example", 'a tool with its defaults, as root');

sh('postfix stop', 'Postfix stops');
kill TERM => $pid;
ok wait_for(sub { !kill 0, $pid }, 15), 'the daemon stops';
like sh("cd $top && make -s B=$build uninstall", 'make uninstall'), qr/access/,
    'which prints the lines to take away';
ok -e '/var/lib/bouncemilter/access.lmdb', 'and leaves the tables';

chdir '/';
sh("umount -l /var/lib/postfix /var/spool/postfix /etc/postfix /run /usr /var /etc $dir/over",
    'the world ends');
done_testing;
