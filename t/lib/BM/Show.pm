package BM::Show;

# Words on paper, for the demonstrations: 80 columns, and every step counted.

use strict;
use warnings;
use Exporter 'import';
use Text::Wrap ();

our @EXPORT_OK = qw(head line say_text output step all_shown);

my ($shown, @missing) = (0);

sub head {
    my ($text) = @_;
    print "\n$text\n", '-' x length $text, "\n\n";
    return;
}

# A name on the left, a text of any length on the right.
sub line {
    my ($name, $text, $indent) = @_;
    $indent //= 4;
    my $left = sprintf '%-*s', 18, ' ' x $indent . $name;
    local $Text::Wrap::columns  = 79;
    local $Text::Wrap::huge     = 'overflow';
    local $Text::Wrap::unexpand = 0;
    my $rest = ' ' x 18;
    print Text::Wrap::wrap($left, $rest, $text =~ s/\s+/ /gr), "\n";
    return;
}

sub say_text {
    my ($text) = @_;
    local $Text::Wrap::columns  = 79;
    local $Text::Wrap::unexpand = 0;
    print Text::Wrap::wrap('', '', $text =~ s/\s+/ /gr), "\n\n";
    return;
}

# What a program printed, under the command that printed it.
sub output {
    my ($command, $text) = @_;
    print "\$ $command\n", $text =~ s/\n*\z/\n/r;
    return;
}

# A step: it showed, or the demonstration has failed. The prototype is for a match
# that fails, which would be no argument at all in a list.
sub step($$) {
    my ($ok, $what) = @_;
    if ($ok) { $shown++ }
    else {
        push @missing, $what;
        line('NOT SHOWN', $what);
    }
    return $ok;
}

# Print what did not show, with the logs that tell why. Returns the exit status.
sub all_shown {
    my (%logs) = @_;
    print "\n";
    if (!@missing) {
        print "All $shown steps showed.";
        return 0;
    }
    print "Not everything showed: ", scalar @missing, ' of ', $shown + @missing, " steps are missing.\n";
    for my $name (sort keys %logs) {
        my @lines = split /^/, $logs{$name};
        print "\n$name:\n", @lines > 40 ? @lines[-40 .. -1] : @lines;
    }
    return 1;
}

1;
