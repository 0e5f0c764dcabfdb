#!/usr/bin/perl
# bouncemilter-suppress and bouncemilter-dump run, several at a time, while the
# daemon records reports and publishes. Every change of every process is there
# at the end, and journal, standing and tables agree.

use strict;
use warnings;
use Test::More;
use BM::Daemon;
use BM::Load;
use BM::Postfix;
use BM::Util qw(at_end slurp tempdir wait_for);

my $PROCESSES = 4;
my $CHANGES   = 30;

my $dir     = tempdir();
my $postfix = BM::Postfix->new(dir => $dir);    # for its postmap; it is not started
my $daemon  = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir))->start;

# Run in a process of its own; what it dies of goes to a file.
sub in_background {
    my ($name, $code) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>', "$dir/$name" or POSIX::_exit(126);
        POSIX::_exit(eval { $code->(); 1 } ? 0 : do { print STDERR $@; 1 });
    }
    my $process = { name => $name, pid => $pid };
    at_end(sub { kill 'KILL', $process->{pid} if $process->{pid} });
    return $process;
}

sub finish {
    my ($process) = @_;
    wait_for(sub { waitpid($process->{pid}, POSIX::WNOHANG()) == $process->{pid} }, 120)
        or die "$process->{name} does not end\n";
    $process->{pid} = 0;
    is $?, 0, $process->{name} or diag slurp("$dir/$process->{name}");
    return;
}

sub must {
    my (@args) = @_;
    my ($status, $out, $err) = $daemon->suppress(@args);
    die "@args: status $status, $out$err" if $status;
    return;
}

my $load    = BM::Load->start($daemon, dir => $dir, k => 8, n => 1_000_000, t => 8);
my @workers = map {
    my $process = $_;
    in_background("changes-$process", sub {
        for my $i (1 .. $CHANGES) {
            must('--add', "p$process-$i\@remote.test", '--reason', 'test');
            must('--remove', "p$process-$i\@remote.test", '--reason', 'test') if $i % 3 == 0;
            # All of them change the same address, too.
            $daemon->suppress($i % 2 ? '--add' : '--remove', 'shared@remote.test', '--reason', "$process-$i");
        }
    });
} 1 .. $PROCESSES;
push @workers, in_background('dump', sub {
    for (1 .. 20) { $daemon->dump('--events'); $daemon->dump('--explain', 'shared@remote.test') }
});
finish($_) for @workers;
$load->wait;
must('--add', 'last@remote.test', '--reason', 'test');

my @accepted = $load->answered('accept');
cmp_ok scalar @accepted, '>', 100, scalar(@accepted) . ' reports were accepted meanwhile';
is scalar(() = $load->answered('retry')), 0, 'none was told to come again';

my %wanted = map { BM::Load::address($_) => 1 } @accepted;
for my $process (1 .. $PROCESSES) {
    $wanted{"p$process-$_\@remote.test"} = 1 for grep { $_ % 3 } 1 .. $CHANGES;
}
$wanted{'last@remote.test'} = 1;
my %have = map { /^(\S+)/ ? ($1 => 1) : () } grep { !/^shared\@/ } split /\n/, $daemon->dump('--postmap');
is_deeply [grep { !$have{$_} } sort keys %wanted], [], 'no change is lost';
is_deeply [grep { !$wanted{$_} } sort keys %have], [], 'and none came back';

my $standing = join '', sort map {"$_\n"} split /\n/, $daemon->dump('--postmap');
for my $table (qw(access transport)) {
    ok wait_for(sub {
        my (undef, $out) = $postfix->command('postmap', '-s', 'lmdb:' . $daemon->state_dir . "/$table");
        return $standing eq join '', sort map { s/\t(?:error:|550 )/ 550 /r . "\n" } split /\n/, $out;
    }, 20), "$table is the standing";
}
my ($status, $out) = $daemon->suppress('--verify');
is $out, "standings: right, tables: right\n", 'journal, standing and tables agree';
is $daemon->stop, 0, 'it stops in order';

done_testing;
