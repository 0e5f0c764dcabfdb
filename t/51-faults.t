#!/usr/bin/perl
# The disk is full, or fails, at every single write: reports from the network
# are answered 4xx and come again, everything else passes, nothing is torn, and
# the daemon works again by itself when the disk does. Then: tables and stores
# that something else has damaged.

use strict;
use warnings;
use Errno qw(EIO ENOSPC);
use Test::More;
use BM::Daemon;
use BM::Load;
use BM::Postfix;
use BM::Util qw(prog slurp spew tempdir wait_for);

# What t/lib/faults-preload.c knows.
my %FILES = (state => 1, table => 2);
my %CALLS = (write => 1, sync => 2, truncate => 4, open => 8, rename => 16);
my $FIELDS = 8;

my $dir     = tempdir();
my $postfix = BM::Postfix->new(dir => $dir);    # for its postmap; it is not started
my $daemon  = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir));
my $next    = 1;
my %accepted;

sub fields { return unpack "L$FIELDS", slurp("$dir/faults") }

# Written over the old content, which the daemon has mapped.
sub set_fields {
    my @fields = @_;
    open my $fh, '+<:raw', "$dir/faults" or die "$dir/faults: $!\n";
    print {$fh} pack "L$FIELDS", @fields;
    close $fh or die "$!\n";
    return;
}

# Let calls fail from the first-th on: `many` of them, 0 for all.
sub break_disk {
    my ($file, $error, $first, $many) = @_;
    set_fields($FILES{$file}, $CALLS{write} | $CALLS{sync}, $error, $first, $many, 0, 0, 0);
    return;
}

sub repair_disk { my @was = fields(); set_fields(@was[0 .. 2], 0, @was[4 .. 7]); return @was }

sub start {
    local $ENV{LD_PRELOAD} = prog('t/lib/faults-preload.so');
    local $ENV{BM_FAULTS}  = "$dir/faults";
    local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0';    # with SAN=1
    return $daemon->start(@_);
}

# Hand in messages of a kind; returns the numbers that were told to come again.
sub hand_in {
    my ($kind, $count, @numbers) = @_;
    my $first = @numbers ? $numbers[0] : $next;
    $next += $count if !@numbers;
    my $load = BM::Load->run($daemon, dir => $dir, m => $kind, k => 1, n => $count, f => $first);
    $accepted{$_} = 1 for $kind eq 'report' ? $load->answered('accept') : ();
    die "messages without an answer\n" . $daemon->log if $load->answered('lost');
    return $load->answered('retry');
}

sub table {
    my ($name) = @_;
    my ($status, $out, $err) = $postfix->command('postmap', '-s', 'lmdb:' . $daemon->state_dir . "/$name");
    die "postmap -s $name: $err" if $status;
    return join '', sort map { s/\t/ /r . "\n" } split /\n/, $out;
}

sub standing { return join '', sort map {"$_\n"} split /\n/, $daemon->dump('--postmap') }

# Whatever happened: nothing accepted is lost, and the tables follow without
# help.
sub all_is_right {
    my ($name) = @_;
    subtest $name => sub {
        ok wait_for(sub { table('access') eq standing() }, 10), 'access is the standing';
        ok table('transport') =~ s/ error:/ 550 /gr eq standing(), 'transport too';
        my %journal = map { $_ => 1 } $daemon->dump('--events', '--json') =~ /"recipient":"([^"]+)"/g;
        is_deeply [grep { !$journal{ BM::Load::address($_) } } keys %accepted], [],
            'what was accepted is in the journal';
        my (undef, $out) = $daemon->suppress('--verify');
        is $out, "standings: right, tables: right\n", 'verified';
    };
    return;
}

spew("$dir/faults", pack "L$FIELDS", (0) x $FIELDS);
start();
hand_in('report', 20);
ok wait_for(sub { table('access') eq standing() }, 10), 'it works';

# How many writes there are from a report to its publication.
my %writes;
for my $file (sort keys %FILES) {
    break_disk($file, EIO, 0, 0);
    hand_in('report', 1);
    wait_for(sub { table('transport') =~ s/ error:/ 550 /gr eq standing() }, 10);
    select undef, undef, undef, 0.3;
    $writes{$file} = (fields())[5];
    cmp_ok $writes{$file}, '>=', 3, "$writes{$file} writes to a $file file";
}

my @errors = ([ENOSPC, 0, 'no space from then on'], [EIO, 1, 'one I/O error'], [0, 1, 'half a write']);
for my $file (sort keys %FILES) {
    for (@errors) {
        my ($error, $many, $name) = @$_;
        subtest "$file: $name" => sub {
            for my $first (1 .. $writes{$file}) {
                break_disk($file, $error, $first, $many);
                my @again = hand_in('report', 2);
                is hand_in('mail', 2), 0, "write $first: ordinary mail passes";
                is hand_in('local', 1), 0, 'our own reports pass';
                wait_for(sub { (fields())[6] }, 2);
                my $failed = (repair_disk())[6];
                ok $failed, "write $first failed";
                is @again, 0, 'no report is refused because of a table' if $file eq 'table';
                is @again, 0, 'a failure that passes is not noticed' if $many;
                ok scalar @again, 'reports are told to come again' if $file eq 'state' && !$many && $first == 1;
                is grep({ hand_in('report', 1, $_) } @again, $next++), 0, 'accepted when it works again';
            }
            all_is_right("$file: $name");
        };
    }
}
like $daemon->log, qr/state\.lmdb: .*; trying again/, 'it said that something failed';
like $daemon->log, qr/cannot write the store, bounces are answered 4xx/, 'and that it stays so';
like $daemon->log, qr/the store can be written again/,                   'and that it is over';
like $daemon->log, qr/cannot publish, the tables stay as they are/,      'the same of the tables';
like $daemon->log, qr/the tables are up to date again/,                  'and that it is over';

# The map is full: like a full disk, until somebody raises store-size.
subtest 'a full map' => sub {
    is $daemon->stop, 0, 'stopped';
    $daemon->configure(BM::Load::conf($dir, 'store-size' => '1M'));
    start();
    my @again;
    for (1 .. 50) { last if @again = hand_in('report', 200) }
    ok scalar @again, 'reports are told to come again';
    is hand_in('mail', 2),  0, 'ordinary mail passes';
    is hand_in('local', 2), 0, 'our own reports pass';
    like $daemon->log, qr/state\.lmdb is full: raise store-size/, 'it says what to do';
    ok wait_for(sub { table('access') eq standing() }, 10), 'the tables have what is in the store';
    is $daemon->stop, 0, 'stopped';
    start();
    is hand_in('mail', 2), 0, 'it starts with a full map, and mail passes';
    $daemon->stop;
    $daemon->configure(BM::Load::conf($dir));
    start();
    is scalar(grep { hand_in('report', 1, $_) } @again[0 .. 2]), 0, 'a larger map takes them';
    all_is_right('full map');
};

# Tables that somebody else has damaged.
my $access = $daemon->state_dir . '/access.lmdb';
my $page   = 4096;
my %damage = (
    'cut in half'      => sub { truncate $access, (-s $access) / 2 },
    'of one page'      => sub { truncate $access, $page },
    'empty'            => sub { truncate $access, 0 },
    'no LMDB file'     => sub { overwrite(0, 'garbage ' x 1024) },
    'zeroed pages'     => sub { overwrite(2 * $page, "\0" x ((-s $access) - 2 * $page)) },
    'missing'          => sub { unlink $access },
);

sub overwrite {
    my ($at, $bytes) = @_;
    open my $fh, '+<:raw', $access or die "$access: $!\n";
    seek $fh, $at, 0;
    print {$fh} $bytes;
    return close $fh;
}

for my $name (sort keys %damage) {
    subtest "a table $name" => sub {
        is $daemon->stop, 0, 'stopped';
        my $inode = (stat $access)[1];
        $damage{$name}->() or die "$access: $!\n";
        unlink "$access.torn";
        my $before = length $daemon->log;
        start();
        my $said = substr $daemon->log, $before;
        like $said, $name eq 'missing' ? qr/\Q$access\E is missing: making it from the store/ :
            qr/\Q$access\E is damaged: rebuilding it from the store, the old file is kept as \Q$access.torn\E/,
            'it says so';
        is +(stat "$access.torn")[1], $inode, 'the damaged file is kept' if $name ne 'missing';
        ok table('access') eq standing(), 'rebuilt';
        hand_in('report', 1);
        all_is_right("$name: all");
    };
}

# A store that is damaged is not ours to repair.
my $state = $daemon->state_dir . '/state.lmdb';
$daemon->stop;
my $good = slurp($state);
my %stores = (
    'cut in half'   => [substr($good, 0, length($good) / 2 & ~4095), qr/is cut short: move it away and restore a copy/],
    'no LMDB file'  => ['garbage ' x 4096, qr/is not a store of this program: move it away/],
    'of one page'   => [substr($good, 0, $page), qr/is cut short|is not a store of this program/],
);
for my $name (sort keys %stores) {
    my ($content, $sentence) = @{ $stores{$name} };
    spew($state, $content);
    my $before = length $daemon->log;
    ok !eval { start(5) }, "a store $name: refused";
    is $daemon->status, 78, 'exit status EX_CONFIG';
    like substr($daemon->log, $before), qr/\Q$state\E $sentence/, 'a sentence that names it and the remedy';
    ok slurp($state) eq $content, 'not overwritten';
}
spew($state, $good);
start();
all_is_right('the good store again');
is $daemon->stop, 0, 'stopped';

done_testing;
