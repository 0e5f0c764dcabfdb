#!/usr/bin/perl
# Messages that were made to cost much: every filler in every place of a message,
# and what broke other MIME libraries, in its size. Each is read and judged in
# bounded memory, and none takes time that grows with the square of its length.
# The true figures are told; make bench has them, too.

use strict;
use warnings;
use Test::More;
use BM::Util qw(prog run top);

use constant {
    MEMORY_KIB => 16 * 1024,
    BOUNCES    => 100,         # LIMITS_RECIPIENTS
    # No measure of speed: what reads half a MiB twice over for each line of it
    # needs minutes.
    CPU_MS     => $ENV{BM_HOSTILE_MS} // 1000,
};

# The limits that must show in the sample of that name.
my %limits = (
    '42,000 nested groups in To'             => [qw(header)],
    '42,000 nested groups in an enclosed To' => [qw(header)],
    '200,000 parentheses in an address'      => [qw(header)],
    'multipart nested 10,000 deep'           => [qw(size depth)],
    'multipart nested 100,000 deep'          => [qw(size depth)],
    'message/rfc822 nested 30,000 deep'      => [qw(size depth)],
    '1,000,000 header lines'                 => [qw(size header)],
    '100,000 parts'                          => [qw(size parts)],
    'one header of 50 MB'                    => [qw(size header)],
    'a Diagnostic-Code of 100,000 folds'     => [qw(size)],
    'a delivery-status of 50 MB of base64'   => [qw(size recipients)],
    'quoted-printable junk, 10 MB'           => [qw(size)],
    '100,000 addresses in a notice'          => [qw(size)],
    '100,000 recipients in a report'         => [qw(size recipients)],
    "a regular expression's delight"         => [],
);

$ENV{BM_RULES} //= top() . '/rules';
# With SAN=1, which otherwise keeps 256 MiB of what was freed.
$ENV{ASAN_OPTIONS} = 'quarantine_size_mb=1:thread_local_quarantine_size_kb=64';
my ($status, $out, $err) = run({ timeout => 900 }, prog('t/lib/hostile'));
is $status, 0, 'every sample is read to its end' or diag $err;

my @samples;
for my $line (split /\n/, $out) {
    my %s;
    @s{qw(name bytes cpu arena peak kind bounces limits)} = split /\t/, $line, -1;
    push @samples, \%s;
}
cmp_ok scalar(@samples), '>', 1500, @samples . ' samples';

# The samples that are over a limit, by name.
sub over { my ($field, $most) = @_; return [map { "$_->{name}: $_->{$field}" } grep { $_->{$field} > $most } @samples] }

is_deeply over('arena',   MEMORY_KIB), [], 'what is kept of a message is at most 16 MiB';
is_deeply over('peak',    MEMORY_KIB), [], '... and so is all memory that reading it takes';
is_deeply over('bounces', BOUNCES),    [], 'at most ' . BOUNCES . ' recipients';
is_deeply over('cpu',     CPU_MS),     [], 'no time that grows with the square';

my %sample = map { $_->{name} => $_ } @samples;
for my $name (sort keys %limits) {
    my %hit = map { $_ => 1 } split /,/, $sample{$name}{limits} // 'missing';
    my @missing = grep { !$hit{$_} } @{ $limits{$name} };
    is "@missing", '', "$name: " . ($sample{$name}{limits} || 'no limit');
}
is $sample{'100,000 recipients in a report'}{bounces}, BOUNCES, 'the first recipients are read';
is $sample{"a regular expression's delight"}{bounces}, 1, 'a long reply is one';

for my $field (qw(cpu peak)) {
    my @worst = (sort { $b->{$field} <=> $a->{$field} } @samples)[0 .. 4];
    diag "most $field: ", join ', ', map { sprintf '%s %s', $_->{$field}, $_->{name} } @worst;
}

done_testing;
