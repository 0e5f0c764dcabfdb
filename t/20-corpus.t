#!/usr/bin/perl
# Whole messages: t/corpus has pairs, x.eml and what it must give, x.want. A new
# case is a new pair:  build/t/lib/read_report x.eml >x.want

use strict;
use warnings;
use File::Basename;
use Test::More;
use BM::Util qw(prog run slurp spew tempdir top);

$ENV{BM_RULES} //= top() . '/rules';
my $reader = prog('t/lib/read_report');
my $dir    = tempdir();
my @cases  = map { basename($_, '.eml') } sort glob(top() . '/t/corpus/*.eml');

# The text form of many messages, by file.
sub texts {
    my ($status, $out, $err) = run($reader, @_);
    is $status, 0, 'the reader has no complaint' or diag $err;
    return $out =~ /^== (.*)\n((?:(?!== ).*\n)*)/mg;
}

# The same message with other line endings. What has bare CR or CRLF already is
# brought to LF first.
sub with_endings {
    my ($name, $ending) = @_;
    my $text = slurp(top() . "/t/corpus/$name.eml");
    $text =~ s/\r\n?/\n/g;
    $text =~ s/\n/$ending/g;
    return $text;
}

my %endings = (lf => "\n", crlf => "\r\n", cr => "\r");
my @files;
for my $name (@cases) {
    push @files, top() . "/t/corpus/$name.eml";
    for my $ending (sort keys %endings) {
        push @files, "$dir/$name.$ending";
        spew($files[-1], with_endings($name, $endings{$ending}));
    }
}
my %got = texts(@files);
for my $name (@cases) {
    my $want = slurp(top() . "/t/corpus/$name.want");
    is $got{ top() . "/t/corpus/$name.eml" }, $want, $name;
    is $got{"$dir/$name.$_"}, $want, "$name with $_" for sort keys %endings;
}
is_deeply [map { basename($_, '.want') } sort glob(top() . '/t/corpus/*.want')], \@cases,
    'every case is a pair';

# A JSON object for each message, and a line for those that are cut off.
my $classify = prog('bouncemilter-classify');
my $cut      = grep { slurp($_ =~ s/\.eml\z/.want/r) =~ /^limits .*cut/m } glob(top() . '/t/corpus/*.eml');
my ($status, $json, $said) = run($classify, '--json', '--rules', $ENV{BM_RULES}, @files);
is $status, $cut ? 1 : 0, 'JSON';
is scalar(() = $json =~ /^\{"file":.*\}$/mg), scalar(@files), '... one object per message';
is scalar(() = $said =~ /^.*: cut off: .*$/mg), 4 * $cut, '... and a word on each that is cut off';

# The development corpus, if it lies beside the tree: no crash; its score is
# only told.
my $corpus = top() . '/../shared/corpus';
my @mails  = sort glob("$corpus/eml/*/*.eml");
if (!@mails) {
    diag 'no development corpus beside the tree: no score';
}
else {
    s{^\Q$corpus\E/}{} for @mails;
    my @there = ('sh', '-c', 'cd "$0" && exec "$@"', $corpus, $classify, '--json', '--rules', $ENV{BM_RULES});
    my (undef, $out, $err) = run({ timeout => 300 }, @there, @mails);
    is_deeply [grep { !/: (?:cut off|empty|no mail)\b/ } split /\n/, $err], [], 'the development corpus is read';
    my @not_mail = $err =~ /: (?:empty|no mail)\b/g;
    cmp_ok scalar(() = $out =~ /\n/g), '>=', @mails - @not_mail, '... all of it';
    spew("$dir/predictions", $out);
    my ($scored, $score) =
        run('python3', "$corpus/../corpus-tools/score.py", "$corpus/expected.jsonl", "$dir/predictions");
    diag $scored == 0 ? join '', grep { !/^\{/ } $score =~ /^.*\n/mg : 'no score without python3';
}

done_testing;
