#!/usr/bin/perl
# A second opinion: the parts, the contents, the texts and the delivery-status
# fields that our parsers find are those that GMime finds, in every message of
# t/corpus, in the oddities below, and in the development corpus where it lies
# beside the tree. Where the two differ and ours is right, t/lib/gmime_oracle.c
# says why, by kind.

use strict;
use warnings;
use Test::More;
use BM::Util qw(prog run spew tempdir top);

my $oracle = prog('t/lib/gmime_oracle');
my $dir    = tempdir();
my $report = "From: mailer-daemon\@example.com\nContent-Type: multipart/report; boundary=b\n\n";
my $empty  = 'an empty message';

# Message, and the known kind that it has to show.
my %odd = (
    'boundary in pieces' => ["Content-Type: multipart/report;\n boundary*0=foo;\n boundary*1=bar\n\n"
        . "--foobar\nContent-Type: text/plain; charset*=us-ascii''utf-8\n"
        . "Content-Transfer-Encoding: quoted-printable\n\nh=C3=A4i=\nx\n=3 \n--foobar--\n"],
    'folded fields' => ["${report}--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n\n"
        . "Final-Recipient: rfc822;\n a\@b.example\nAction: failed\nDiagnostic-Code: smtp; 550\n\t no\n\n\n\n"
        . "Final-Recipient: rfc822; c\@d.example\nAction: failed\nStatus: 5.1.1\n--b--\n"],
    'encoded fields' => ["${report}--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
        . "UmVwb3J0aW5nLU1UQTogZG5zOyB4CgpGaW5hbC1SZWNpcGllbnQ6IHJmYzgyMjsgYUBiLmV4YW1wbGUK\n--b--\n"],
    'base64 with junk' => ["Content-Transfer-Encoding: base64\n\naGVs\n!!bG8g\n \nd29ybGQ=\n"],
    'boundary with blanks' => [$report =~ s/=b/="b"/r . "--b \t\n\none\n--b \n\ntwo\n--b-- \nepilogue\n--b\n\nthree\n"],
    'no end'         => ["${report}preamble\n--b\nContent-Type: text/html\n\n<p>cut"],
    'nothing inside' => ["${report}--b--\n"],
    'no delimiter'   => ["${report}text\n"],
    'mbox'           => ["From x\@y.example Mon Jan  1 00:00:00 2024\nSubject: x\n\nbody\n"],
    'digits in Japanese' => ["Content-Type: text/plain; charset=iso-2022-jp\n\n\e\$B%F%9%H\e(B 1\n"],
    'eight bits, nothing said' => ["Subject: x\n\nna\xefve\n", 'a text that is not of its charset'],
    'a limit of ours' => ["Subject: x\n" . join('', map { "Content-Type: multipart/mixed; boundary=b$_\n\n--b$_\n" } 1 .. 20)
        . "\nend\n", 'a limit of ours was hit'],
    'an encoded message' => ["${report}--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        . "U3ViamVjdDogeAoKaW5uZXI=\n--b--\n", 'an encoded message, closed to GMime'],
    'a parameter without its fold' => ["Content-Type: multipart/mixed;\nboundary=\"b\"\n\n--b\nContent-Type: text/plain\n\none\n--b--\n",
        'a boundary that the header forgets'],
    'a message that is cut' => ["${report}--b\nContent-Type: message/rfc822\n", $empty],
    'no message'            => ['', $empty],
    'not of its charset'    => ["Content-Type: text/plain; charset=iso-2022-jp\n\nna\xefve\n", 'a text that is not of its charset'],
    'no blank lines'        => ["${report}--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n"
        . "Final-Recipient: rfc822; a\@b.example\nAction: failed\nStatus: 5.1.1\n"
        . "Final-Recipient: rfc822; c\@d.example\nAction: failed\nStatus: 5.1.1\n--b--\n", 'groups without a blank line'],
);

# The exit status, and the counts of the known kinds that were seen.
sub ask {
    my ($name, @args) = @_;
    my ($status, $out, $err) = run({ timeout => 300 }, $oracle, @args);
    my %known = reverse $out =~ /^([1-9]\d*) known: (.*)$/mg;
    diag join '', $err, grep { !/^\d+ / } $out =~ /^.*\n/mg if $name ne '' && ($status || $err ne '');
    return ($status, \%known, $out);
}

my $number = 0;
for my $name (sort keys %odd) {
    my ($text, $kind) = @{ $odd{$name} };
    my $file = "$dir/" . ++$number;
    spew($file, $text);
    my ($status, $known) = ask($name, $file);
    is $status, 0, "$name: no difference";
    is_deeply [keys %$known], [$kind // ()], '... ' . ($kind // 'and nothing to explain');
}

# What differs is seen.
my %change = (
    'a content'   => ["$report--b\n\none\n--b--\n",              "$report--b\n\ntwo\n--b--\n"],
    'a type'      => ["Content-Type: text/html\n\nx\n",          "Content-Type: text/plain\n\nx\n"],
    'a part more' => ["$report--b\n\none\n--b--\n",              "$report--b\n\none\n--b\n\ntwo\n--b--\n"],
    'a part less' => ["$report--b\n\none\n--b\n\ntwo\n--b--\n",  "$report--b\n\none\n--b--\n"],
    'a text'      => ["Content-Type: text/plain; charset=iso-8859-2\n\n\xb1\n", "Content-Type: text/plain; charset=iso-8859-1\n\n\xb1\n"],
    'enclosed'    => ["$report--b\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--b--\n", "$report--b\n\ny\n--b--\n"],
);
for my $name (sort keys %change) {
    spew("$dir/$_", $change{$name}[$_]) for 0, 1;
    my ($status, undef, $out) = ask('', '-2', "$dir/0", "$dir/1");
    is $status, 1, "a difference: $name" or diag $out;
}

my @files = (glob(top() . '/t/corpus/*.eml'), glob(top() . '/../shared/corpus/eml/*/*.eml'));
my ($status, undef, $out) = ask('all', @files);
is $status, 0, @files . ' messages: no difference';
diag join ', ', @files . ' messages', $out =~ m{^(\d+ (?:multipart/report|message/\S+|text/rfc822-headers|recipients|known: .*))$}mg;

done_testing;
