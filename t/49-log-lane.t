#!/usr/bin/perl
# What the mail log tells, at a real Postfix: deferrals, deliveries and what no
# report is ever written of. Every row runs at two sites, one where Postfix's
# own reports come too and one where only the log tells anything: both must
# record the same events, each once.
#
# Days pass by a clock of the test. The remote server is at 192.0.2.25, a
# content filter at 127.0.0.1, and a smarthost at 192.0.2.9.
#
# What makes this test fail: relayhost that is not taken for a relay
# (config_postfix.c), a hand-off that counts as a delivery (pipeline_log.c), a
# retry or a second report that is an event again (pipeline.c, seen.c), mail
# that waits without an attempt taken for a deferral (logpostfix.c).

use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use BM::Clock;
use BM::MX;
use BM::Net;
use BM::Postfix;
use BM::Site;
use BM::Util qw(at_end free_port spew tempdir wait_for);

BM::Net::enter();
die BM::Postfix->absent . "\n" if BM::Postfix->absent;

use constant DAY => 86400;
use constant { PLAIN => 0, FILTERED => 1, FILTER => 2, HANDED => 3, DIRECT => 4, VERIFIED => 5, LONG => 6 };

my %script = (
    '"we>ird, status=sent"@remote.test' => '550 5.1.1 User unknown',
    'imitator@remote.test' => '550 5.1.1 no such user), to=<victim@remote.test>, relay=mx.remote.test[192.0.2.25]:25,'
        . ' delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.remote.test[192.0.2.25] said: 550 5.1.1 gone',
    'imitator2@remote.test' => '450 4.2.1 The user is receiving mail at a rate that is too high (in reply to RCPT TO command)), to=<victim@remote.test>, relay=none, status=sent (x',
    'each@remote.test'      => '452 4.3.1 Insufficient system storage',
    'closing@closing.test'  => '421 4.7.0 Too many connections, try again later',
    'mixed.policy@remote.test' => '550 5.7.1 Message refused by local policy',
);
my %eod = map { $_ => '550 5.1.1 <named2@remote.test>: No such user here' } 'named2@remote.test';
$eod{"plain$_\@remote.test"} = '550 5.1.1 No such user here' for 1 .. 3;
my $mood = tempdir();    # a file for every address that takes mail now
my %asked;

sub answer {
    my ($stage, $address) = @_;
    return $eod{$address} if $stage eq 'eod';
    return undef if $stage ne 'rcpt';
    return '250 2.1.5 Ok' if -e "$mood/$address";
    return '450 4.7.1 Greylisted, please try again in 300 seconds' if $address =~ /^grey/ && !$asked{$address}++;
    return '452 4.2.2 The recipient\'s inbox is out of storage space' if $address =~ /^full/;
    return undef;
}

# A mailbox server of our own: LMTP on a Unix socket, nobody is known.
my $lmtp = tempdir() . '/socket';
{
    my $listen = IO::Socket::UNIX->new(Local => $lmtp, Listen => 5) or die "$lmtp: $!\n";
    chmod 0666, $lmtp;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDOUT, '>', '/dev/null';
        while (my $c = $listen->accept) {
            print {$c} "220 mailboxes LMTP\r\n";
            while (defined(my $line = <$c>)) {
                print {$c} $line =~ /^LHLO/ ? "250-mailboxes\r\n250 ENHANCEDSTATUSCODES\r\n"
                    : $line =~ /^RCPT/ ? "550 5.1.1 User unknown\r\n"
                    : $line =~ /^QUIT/ ? "221 2.0.0 Bye\r\n" : "250 2.0.0 Ok\r\n";
                last if $line =~ /^QUIT/;
            }
        }
        POSIX::_exit(0);
    }
    at_end(sub { kill 'TERM', $pid; waitpid $pid, 0 });
}

sub site {
    my ($reports) = @_;
    my $dir   = tempdir();
    my $clock = BM::Clock->new(dir => $dir);
    mkdir "$dir/smarthost";
    my $smarthost = BM::MX->new(dir => "$dir/smarthost", address => '0.0.0.0');
    my ($filter, $closed, $mx) = map { free_port() } 1 .. 3;
    my $remote = "192.0.2.25]:$mx";
    my @services;
    $services[PLAIN]    = {};
    $services[FILTERED] = { opts => ["content_filter=smtp:[127.0.0.1]:$filter"] };
    $services[FILTER]   = { port => $filter, opts => ['smtpd_milters='] };
    $services[HANDED]   = { opts => ['content_filter=smtp:[192.0.2.9]:' . $smarthost->port] };
    $services[DIRECT]   = { opts => ["content_filter=smtp:[$remote", 'smtpd_reject_unlisted_recipient=no',
        'smtpd_recipient_restrictions=permit_mynetworks'] };
    $services[VERIFIED] = { opts => ['smtpd_recipient_restrictions=reject_unverified_recipient'] };
    $services[LONG]     = { opts => ['cleanup_service_name=longids'] };
    my $site = BM::Site->new(
        dir     => $dir,
        clock   => $clock,
        log     => 'default',
        mx      => { address => '0.0.0.0', port => $mx, script => \%script, reply => \&answer,
            greeting => ['421 4.7.0 Try again later'] },
        conf    => {
            relays => undef,
            'category system-full' => { action => 'threshold', unit => 'attempt', count => 4, days => 1, within => '7h' },
        },
        postfix => {
            services => \@services,
            master   => "longids unix n - y - 0 cleanup\n  -o enable_long_queue_ids=yes\n"
                . "softly unix - - n - - smtp\n  -o soft_bounce=yes\n",
        },
        main => {
            $reports ? () : (non_smtpd_milters => '', internal_mail_filter_classes => ''),
            relayhost         => '[192.0.2.9]:' . $smarthost->port,
            default_transport => 'smtp',
            relay_transport   => 'smtp',
            # Reports go to the smarthost too, and are not of interest here.
            transport_maps => "inline:{ { remote.test = smtp:[$remote }, { soft.test = softly:[$remote },"
                . " { closing.test = smtp:[192.0.2.26]:$mx }, { busy.test = smtp:[192.0.2.27]:GREETING[0] },"
                . " { refused.test = smtp:[192.0.2.28]:$closed }, { local.test = local: }, { virtual.test = virtual: },"
                . " { lmtp.test = lmtp:unix:$lmtp } }",
            virtual_alias_domains => 'alias.test',
            virtual_alias_maps    => 'inline:{ { info@alias.test = aliased.550.5.1.1@remote.test } }',
            virtual_mailbox_base  => $dir,
            virtual_uid_maps      => 'static:65534',
            virtual_gid_maps      => 'static:65534',
            address_verify_map    => '',
            address_verify_poll_delay => '1s',
            # One failure is enough for the queue manager to let a destination rest.
            initial_destination_concurrency => 1,
            minimal_backoff_time   => '4d',
            maximal_backoff_time   => '4d',
            maximal_queue_lifetime => '5d',
            bounce_queue_lifetime  => '5d',
        },
    );
    return { site => $site, clock => $clock, smarthost => $smarthost };
}

my %world = (both => site(1), alone => site(0));
my %site  = map { $_ => $world{$_}{site} } keys %world;
my @names = ('both', 'alone');

# ---- the table
#
# Rounds go on at all rows together:
#   0 .. 4  the first day     5, 6  the second     7, 8  the third     9  the seventh, when mail expires
#
# In a round: `send` is a list of [recipients, options of submit]; `retry` is a
# list of recipients whose message Postfix tries again; `do` is done with the
# site; `lines` is what the log has to say then, address => word. A word that is
# no attempt at a remote server has a prefix. `events` and `suppressed` is what
# there has to be in the end: category, outcome, decision of each event.
my @rows = (
    ['450 at RCPT',
        0 => { send => [['450.4.2.1@remote.test']], lines => { '450.4.2.1@remote.test' => 'deferred' } },
        events => { '450.4.2.1@remote.test' => ['recipient-rate deferred count'] }],
    ['421 at RCPT',
        0 => { send => [['closing@closing.test']], lines => { 'closing@closing.test' => 'deferred' } },
        events => { 'closing@closing.test' => ['throttled deferred alert'] }],
    ['421 instead of a greeting',
        0 => { send => [['a@busy.test']], lines => { 'a@busy.test' => 'deferred' } },
        events => { 'a@busy.test' => ['throttled deferred alert'] }],
    ['connection refused, and mail that waits therefore without an attempt',
        0 => { send => [['a@refused.test']], lines => { 'a@refused.test' => 'deferred' } },
        1 => { send => [['b@refused.test']], lines => { 'b@refused.test' => 'suspended' } },
        events => { 'a@refused.test' => ['network-error deferred count'] }],
    ['greylisting that passes at the second try',
        0 => { send => [['grey@remote.test']], lines => { 'grey@remote.test' => 'deferred' } },
        1 => { retry => ['grey@remote.test'], lines => { 'grey@remote.test' => 'sent' } },
        events => { 'grey@remote.test' => ['greylisted deferred count'] }],
    ['over quota on three days',
        0 => { send => [['full@remote.test']], lines => { 'full@remote.test' => 'deferred' } },
        5 => { send => [['full@remote.test']], lines => { 'full@remote.test' => 'deferred' } },
        7 => { send => [['full@remote.test']], lines => { 'full@remote.test' => 'deferred' } },
        8 => { do => sub {
            my ($site, $name) = @_;
            ok $site->wait_published('full@remote.test'), "$name: published";
            like $site->rcpt_answer('full@remote.test'), qr/^550 5\.2\.2 .*suppressed by bouncemilter \(mailbox-full\)/,
                "$name: the next mail is refused";
        } },
        events => { 'full@remote.test' => [('mailbox-full deferred count') x 3, 'mailbox-full - suppress'] },
        suppressed => ['full@remote.test']],
    ['over quota on the first and the third day, a delivery in between',
        0 => { send => [['full.between@remote.test']], lines => { 'full.between@remote.test' => 'deferred' } },
        5 => { send => [['full.between@remote.test']], do => sub { spew("$mood/full.between\@remote.test", '') },
            lines => { 'full.between@remote.test' => 'sent' } },
        6 => { do => sub { unlink "$mood/full.between\@remote.test" } },
        7 => { send => [['full.between@remote.test']], lines => { 'full.between@remote.test' => 'deferred' } },
        8 => { send => [['full.between@remote.test']], lines => { 'full.between@remote.test' => 'deferred' } },
        events => { 'full.between@remote.test' => ['mailbox-full deferred count', '- delivered reset',
            ('mailbox-full deferred count') x 2] }],
    ['retries of one message count once',
        0 => { send => [['full.once@remote.test']], lines => { 'full.once@remote.test' => 'deferred' } },
        5 => { retry => ['full.once@remote.test'], lines => { 'full.once@remote.test' => 'deferred' } },
        7 => { retry => ['full.once@remote.test'], lines => { 'full.once@remote.test' => 'deferred' } },
        retries => 2,
        events => { 'full.once@remote.test' => ['mailbox-full deferred count'] }],
    ['attempts, where they are counted',
        0 => { send => [['each@remote.test']], lines => { 'each@remote.test' => 'deferred' } },
        (map { ($_ => { retry => ['each@remote.test'], lines => { 'each@remote.test' => 'deferred' } }) } 1 .. 3),
        4 => { do => sub { ok $_[0]->wait_published('each@remote.test', 'transport'), "$_[1]: published" } },
        # The queue manager remembers for half a minute where the last one went.
        5 => { retry => ['each@remote.test'], lines => { 'each@remote.test' => 'refused:bounced' } },
        refusals => 1,
        events => { 'each@remote.test' => [('system-full deferred count') x 4, 'system-full - suppress'] },
        suppressed => ['each@remote.test']],
    ['several recipients, one message',
        0 => { send => [['mixed.ok@remote.test', 'mixed.450.4.2.1@remote.test', 'mixed.550.5.1.1@remote.test',
                    'mixed.policy@remote.test']],
            lines => { 'mixed.ok@remote.test' => 'sent', 'mixed.450.4.2.1@remote.test' => 'deferred',
                'mixed.550.5.1.1@remote.test' => 'bounced', 'mixed.policy@remote.test' => 'bounced' } },
        reports => 2,
        events => { 'mixed.450.4.2.1@remote.test' => ['recipient-rate deferred count'],
            'mixed.550.5.1.1@remote.test' => ['user-unknown failed suppress'],
            'mixed.policy@remote.test' => ['policy-rejected failed alert'] },
        suppressed => ['mixed.550.5.1.1@remote.test']],
    ['an answer to the end of data is about the whole message',
        0 => { send => [['plain1@remote.test', 'plain2@remote.test', 'plain3@remote.test']],
            lines => { map { ("plain$_\@remote.test" => 'bounced') } 1 .. 3 } },
        reports => 3,
        events => { map { ("plain$_\@remote.test" => ['user-unknown failed exempt']) } 1 .. 3 }],
    ['unless it names one of them',
        0 => { send => [['named1@remote.test', 'named2@remote.test']],
            lines => { map { ("named$_\@remote.test" => 'bounced') } 1 .. 2 } },
        reports => 2,
        events => { 'named1@remote.test' => ['user-unknown-temp failed exempt'],
            'named2@remote.test' => ['user-unknown failed suppress'] },
        suppressed => ['named2@remote.test']],
    ['through a content filter',
        0 => { send => [['filtered.550.5.1.1@remote.test', 'filtered.ok@remote.test', { port => FILTERED }]],
            lines => { 'filtered.550.5.1.1@remote.test' => ['handoff:sent', 'bounced'],
                'filtered.ok@remote.test' => ['handoff:sent', 'sent'] } },
        reports => 1,
        events => { 'filtered.550.5.1.1@remote.test' => ['user-unknown failed suppress'] },
        suppressed => ['filtered.550.5.1.1@remote.test']],
    ['a smarthost',
        0 => { send => [['x@elsewhere.test'], ['550.5.1.1@elsewhere.test']],
            lines => { 'x@elsewhere.test' => 'handoff:sent', '550.5.1.1@elsewhere.test' => 'handoff:bounced' } },
        reports => 1,
        events => { '550.5.1.1@elsewhere.test' => ['user-unknown failed exempt'] }],
    ['what a smarthost has taken resets nothing',
        0 => { send => [['full.handed@remote.test']], lines => { 'full.handed@remote.test' => 'deferred' } },
        1 => { send => [['full.handed@remote.test', { port => HANDED }]],
            lines => { 'full.handed@remote.test' => 'handoff:sent' } },
        5 => { send => [['full.handed@remote.test']], lines => { 'full.handed@remote.test' => 'deferred' } },
        7 => { send => [['full.handed@remote.test']], lines => { 'full.handed@remote.test' => 'deferred' } },
        events => { 'full.handed@remote.test' => [('mailbox-full deferred count') x 3, 'mailbox-full - suppress'] },
        suppressed => ['full.handed@remote.test']],
    ['no report: the null sender',
        0 => { send => [['null.550.5.1.1@remote.test', { from => '' }]],
            lines => { 'null.550.5.1.1@remote.test' => 'bounced' } },
        events => { 'null.550.5.1.1@remote.test' => ['user-unknown failed suppress'] },
        suppressed => ['null.550.5.1.1@remote.test']],
    ['no report: NOTIFY=NEVER',
        0 => { send => [['never.550.5.1.1@remote.test', { rcpt => 'NOTIFY=NEVER' }]],
            lines => { 'never.550.5.1.1@remote.test' => 'bounced' } },
        events => { 'never.550.5.1.1@remote.test' => ['user-unknown failed suppress'] },
        suppressed => ['never.550.5.1.1@remote.test']],
    ['soft_bounce = yes: not the end yet',
        0 => { send => [['550.5.1.1@soft.test']], lines => { '550.5.1.1@soft.test' => 'SOFTBOUNCE' } },
        events => { '550.5.1.1@soft.test' => ['user-unknown-temp deferred count'] }],
    ['a question whether an address exists',
        0 => { do => sub {
                my ($site, $name) = @_;
                like $site->rcpt_answer('probe.550.5.1.1@remote.test', port => $site->pf->port(VERIFIED)),
                    qr/^[45]50 /, "$name: it does not";
            },
            lines => { 'probe.550.5.1.1@remote.test' => 'undeliverable' } },
        events => {}],
    ['an alias of ours that leads outside',
        0 => { send => [['info@alias.test']], lines => { 'aliased.550.5.1.1@remote.test' => 'bounced' } },
        reports => 1,
        events => { 'aliased.550.5.1.1@remote.test' => ['user-unknown failed suppress'] },
        original => { 'aliased.550.5.1.1@remote.test' => 'info@alias.test' },
        suppressed => ['aliased.550.5.1.1@remote.test']],
    ['our own mailboxes',
        0 => { send => [['nobody.here@local.test'], ['nobody@virtual.test'], ['nobody@lmtp.test']],
            lines => { 'nobody.here@local.test' => 'handoff:bounced', 'nobody@virtual.test' => 'handoff:bounced',
                'nobody@lmtp.test' => 'handoff:bounced' } },
        reports => 3,
        events => { map { ($_ => ['user-unknown failed exempt']) }
            'nobody.here@local.test', 'nobody@virtual.test', 'nobody@lmtp.test' }],
    ['long queue ids',
        0 => { send => [['long.550.5.1.1@remote.test', { port => LONG }], ['long.450.4.2.1@remote.test', { port => LONG }]],
            lines => { 'long.550.5.1.1@remote.test' => 'bounced', 'long.450.4.2.1@remote.test' => 'deferred' } },
        reports => 1,
        events => { 'long.550.5.1.1@remote.test' => ['user-unknown failed suppress'],
            'long.450.4.2.1@remote.test' => ['recipient-rate deferred count'] },
        suppressed => ['long.550.5.1.1@remote.test']],
    ['a local part in quotes',
        0 => { send => [['"we>ird, status=sent"@remote.test']], lines => { '"we>ird, status=sent"@remote.test' => 'bounced' } },
        reports => 1,
        events => { '"we>ird, status=sent"@remote.test' => ['user-unknown failed suppress'] },
        suppressed => ['"we>ird, status=sent"@remote.test']],
    ['words that imitate a line',
        0 => { send => [['imitator@remote.test'], ['imitator2@remote.test']],
            lines => { 'imitator@remote.test' => 'bounced', 'imitator2@remote.test' => 'deferred' } },
        reports => 1,
        events => { 'imitator@remote.test' => ['user-unknown-temp failed count'],    # it names somebody
            'imitator2@remote.test' => ['recipient-rate deferred count'] }],
    ['our own refusal, read back',
        1 => { do => sub { $_[0]->wait_published('mixed.550.5.1.1@remote.test', 'transport') } },
        2 => { do => sub {
                my ($site) = @_;
                $site->pf->sendmail('-f', 'app@example.net', 'mixed.550.5.1.1@remote.test', $site->message('x'));
            },
            lines => { 'mixed.550.5.1.1@remote.test' => 'refused:bounced' } },
        refusals => 1,
        events => {}],
    ['a delivery to an address that is suppressed',
        0 => { send => [['moved.550.5.1.1@remote.test']], lines => { 'moved.550.5.1.1@remote.test' => 'bounced' } },
        1 => { do => sub { spew("$mood/moved.550.5.1.1\@remote.test", '') } },
        2 => { send => [(['moved.550.5.1.1@remote.test', { port => DIRECT }]) x 2],
            lines => { 'moved.550.5.1.1@remote.test' => ['sent', 'sent'] } },
        reports => 1,
        events => { 'moved.550.5.1.1@remote.test' => ['user-unknown failed suppress', '- delivered reset', '- delivered count'] },
        suppressed => ['moved.550.5.1.1@remote.test']],
    ['mail that expires, with several who wait for it',
        0 => { send => [['old.450.4.2.1@remote.test', 'old.452.4.2.2@remote.test', 'old.ok@remote.test',
                    { from => 'patient@example.net' }]],
            lines => { 'old.450.4.2.1@remote.test' => 'deferred', 'old.452.4.2.2@remote.test' => 'deferred',
                'old.ok@remote.test' => 'sent' } },
        9 => { lines => { 'old.450.4.2.1@remote.test' => 'deferred', 'old.452.4.2.2@remote.test' => 'deferred' } },
        retries => 2, reports => 2,
        events => { 'old.450.4.2.1@remote.test' => ['recipient-rate deferred count', 'recipient-rate expired count'],
            'old.452.4.2.2@remote.test' => ['mailbox-full deferred count', 'mailbox-full expired count'] }],
);

# ---- the rounds

my %day_of_round = (5 => 1, 7 => 2, 9 => 6);
my $rounds = 10;

# How often the log says this of an address.
sub said {
    my ($log, $address, $word) = @_;
    my $count = () = $log =~ /: to=<\Q$address\E>, .*status=$word /g;
    return $count;
}

my %outcome = (sent => 'delivered', bounced => 'failed', deferred => 'deferred', SOFTBOUNCE => 'deferred');
my %wanted_lines;    # address, word => how often so far
my %wanted = (map { ($_ => 0) } qw(suspended probe retries refusals reports deliveries));

for my $round (0 .. $rounds - 1) {
    my $day = $day_of_round{$round};
    if ($round == $rounds - 1) {
        # Only what shall expire is left.
        for my $name (@names) {
            my $pf  = $site{$name}->pf;
            my @ids = map { "$_->{queue_id}\n" } grep { $_->{sender} ne 'patient@example.net' } $pf->queue;
            $pf->command({ stdin => join '', @ids }, 'postsuper', '-d', '-');
        }
    }
    if ($day) { $world{$_}{clock}->set($day * DAY) for @names }
    for my $name (@names) {
        my $site = $site{$name};
        for my $row (@rows) {
            my ($title, %row) = @$row;
            my $step = $row{$round} or next;
            $step->{do}->($site, $name) if $step->{do};
            for my $send (@{ $step->{send} || [] }) {
                my %opt   = ref $send->[-1] ? %{ $send->[-1] } : ();
                my @rcpts = grep { !ref } @$send;
                my $from  = delete $opt{from} // 'app@example.net';
                $opt{port} = $site->pf->port($opt{port}) if defined $opt{port};
                my $r = $site->submit($from, \@rcpts, $site->message('x'), %opt);
                like $r->{data}, qr/^250/, "$name: $title: accepted" or diag explain $r;
            }
            for my $rcpt (@{ $step->{retry} || [] }) {
                my ($m) = grep { grep { $_->{address} eq $rcpt } @{ $_->{recipients} } } $site->pf->queue;
                $site->pf->command('postqueue', '-i', $m->{queue_id});
            }
        }
    }
    for my $row (@rows) {
        my ($title, %row) = @$row;
        my $lines = ($row{$round} || {})->{lines} || {};
        for my $address (sort keys %$lines) {
            for my $said (ref $lines->{$address} ? @{ $lines->{$address} } : $lines->{$address}) {
                my ($prefix, $word) = $said =~ /^(?:(\w+):)?(\w+)$/;
                $prefix //= '';
                $wanted_lines{$address}{ $word eq 'suspended' ? 'deferred' : $word }++;
                if    ($word eq 'suspended')     { $wanted{suspended}++ }
                elsif ($word eq 'undeliverable') { $wanted{probe}++ }
                elsif ($prefix eq 'handoff')     { $wanted{handoffs}{ $outcome{$word} }++ }
                elsif ($prefix ne 'refused')     { $wanted{attempts}{ $outcome{$word} }++ }
            }
        }
    }
    for my $name (@names) {
        my $site = $site{$name};
        my @missing;
        wait_for(sub {
            my $log = $site->pf->log;
            @missing = ();
            for my $address (sort keys %wanted_lines) {
                for my $word (sort keys %{ $wanted_lines{$address} }) {
                    push @missing, "$address: $word" if said($log, $address, $word) < $wanted_lines{$address}{$word};
                }
            }
            !@missing;
        }, 30);
        is_deeply \@missing, [], "$name: round $round: the log says it all" or BAIL_OUT(substr $site->pf->log, -4000);
    }
}

for my $row (@rows) {
    my ($title, %row) = @$row;
    $wanted{$_} += $row{$_} // 0 for qw(retries refusals reports);
    for my $events (values %{ $row{events} }) {
        for (@$events) {
            $wanted{events}++;
            my ($decision) = /(\S+)$/;
            $wanted{decisions}{$decision}++;
            $wanted{deliveries}++ if / delivered /;
        }
    }
}
# ---- what came of it

# By name, label and value: the sum of counters.
sub counter { my ($name, $re) = @_; return $site{$name}->counter(qr/^$re/) }

my (%events, %suppressed);
for my $name (@names) {
    my $site = $site{$name};
    # The log is read in order; reports may come later.
    my $attempts = 0;
    $attempts += $_ for values %{ $wanted{attempts} };
    $site->wait_counter(qr/^attempts_total/, $attempts);
    $site->wait_counter(qr/^repeated_reports_total/, $wanted{reports}) if $name eq 'both';
    push @{ $events{$name}{ $_->{recipient} } }, $_ for $site->events;
    $suppressed{$name} = { map { $_ => 1 } $site->suppressed };
}

# "category outcome decision" of an event, "-" for what it does not have.
sub short {
    my ($e) = @_;
    return join ' ', $e->{outcome} eq 'delivered' ? '-' : $e->{category}, $e->{outcome} eq 'none' ? '-' : $e->{outcome},
        $e->{decision};
}

# What an event says, whichever way it came; numbers of events and ports are a
# site's own.
sub about {
    my ($e) = @_;
    my %e = map { $_ => $e->{$_} } qw(recipient category subcause outcome decision reason stage code status text);
    $e{text} =~ s/events .*|\]:\K\d+//;
    return \%e;
}

for my $row (@rows) {
    my ($title, %row) = @$row;
    my %addresses = (%{ $row{events} }, map { %{ $row{$_}{lines} || {} } } grep { /^\d+$/ } keys %row);
    my %gone = map { $_ => 1 } @{ $row{suppressed} || [] };
    next if $title eq 'our own refusal, read back';    # its address is in another row
    subtest $title => sub {
        for my $name (@names) {
            for my $address (sort keys %addresses) {
                my @have = @{ $events{$name}{$address} || [] };
                my @want = @{ $row{events}{$address} || [] };
                is_deeply [map { short($_) } @have], \@want, "$name: events of $address" or diag explain \@have;
                is !!$suppressed{$name}{$address}, !!$gone{$address}, "$name: $address is suppressed, or not";
                my @soft = map { $_->{event} } grep { $_->{outcome} eq 'deferred' } @have;
                for my $e (grep { $_->{source} eq 'threshold' } @have) {
                    like $e->{text}, qr/^\d (?:messages|attempts): events @{[join ', ', @soft]}$/,
                        "$name: the threshold names its failures";
                    is_deeply [map { $_->{class} } grep { $_->{outcome} eq 'deferred' } @have], [('soft') x @soft],
                        "$name: which stay soft";
                }
                is $have[0]{original_recipient}, $_, "$name: the alias is on the record" for $row{original}{$address} // ();
                next if $name ne 'alone';
                is_deeply [map { about($_) } @have], [map { about($_) } @{ $events{both}{$address} || [] }],
                    'the same from both sites';
            }
        }
    };
}

subtest 'nobody else is concerned' => sub {
    my %known = map { $_ => 1 } map { my (undef, %row) = @$_; keys %{ $row{events} } } @rows;
    for my $name (@names) {
        is_deeply [grep { !$known{$_} } sort keys %{ $events{$name} }], [], "$name: events";
        is_deeply [grep { !$known{$_} } sort keys %{ $suppressed{$name} }], [], "$name: suppressions";
    }
};

like $events{alone}{'long.550.5.1.1@remote.test'}[0]{queue_id}, qr/^\w{14,}$/, 'the long queue id is a long one';

subtest 'a story with a delivery in it' => sub {
    like $site{$_}->daemon->dump('--explain', 'moved.550.5.1.1@remote.test'),
        qr/ is suppressed\n.*decision +suppress: category.*outcome +delivered\n/s, $_ for @names;
};

subtest 'everything is counted once' => sub {
    for my $name (@names) {
        # Reports of Postfix go to the smarthost.
        my $reports  = () = $site{$name}->pf->log =~ /: sender non-delivery notification: /g;
        my %handoffs = (%{ $wanted{handoffs} }, delivered => $wanted{handoffs}{delivered} + $reports);
        for my $outcome (qw(delivered deferred failed)) {
            is counter($name, qq(attempts_total\\{outcome="$outcome")), $wanted{attempts}{$outcome} // 0, "$name: attempts, $outcome";
            is counter($name, qq(handoffs_total\\{outcome="$outcome")), $handoffs{$outcome} // 0, "$name: hand-offs, $outcome";
        }
        is counter($name, qq(log_notices_total\\{kind="$_")), $wanted{$_}, "$name: $_" for qw(probe suspended);
        is counter($name, 'retries_total'), $wanted{retries}, "$name: retries";
        is counter($name, qq(decisions_total\\{decision="$_")), $wanted{decisions}{$_} // 0, "$name: decisions, $_"
            for qw(suppress count alert exempt reset hold lift unproven);
        is counter($name, 'events_total'), $wanted{events} - $wanted{deliveries}, "$name: events";
    }
    is counter('both',  'repeated_reports_total'), $wanted{reports}, 'reports that the log had told of, or the other way round';
    is counter('alone', 'repeated_reports_total'), 0, 'no reports where there are none';
    is counter('alone', 'reports_total'),          0, 'indeed';
    is counter('both',  'notices_total\\{kind="own-refusal'), 2 * $wanted{refusals}, 'our own refusals, by both ways';
    is counter('alone', 'notices_total\\{kind="own-refusal'), $wanted{refusals},     'and by one';
};

subtest 'the books agree' => sub {
    for my $name (@names) {
        my $daemon = $site{$name}->daemon;
        my (undef, $out, $err) = $daemon->suppress('--verify');
        is "$out$err", "standings: right, tables: right\n", "$name: verified";
        is $daemon->stop, 0, "$name: a clean end" or diag $daemon->log;
        unlike $daemon->own_log, qr/error|warning|alert/i, "$name: nothing to complain about" or diag $daemon->log;
    }
};

done_testing;
