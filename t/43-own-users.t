#!/usr/bin/perl
# Who is refused and who is not, asked at smtpd: our own users, roles, aliases,
# extensions, quotes, letters beyond ASCII; and that no report, whatever is in
# it, makes a key that refuses anybody else.

use strict;
use warnings;
use utf8;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::SMTP;
use BM::Site;
use BM::Util qw(at_end tempdir wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;
binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;

# A mailbox server: LMTP on a Unix socket. Everybody is over quota or unknown.
my $dir = tempdir();
my $lmtp = "$dir/lmtp.sock";

sub serve_mailboxes {
    my $listen = IO::Socket::UNIX->new(Local => $lmtp, Listen => 5) or die "$lmtp: $!\n";
    chmod 0666, $lmtp;
    my $pid = fork // die "fork: $!\n";
    if ($pid) {
        at_end(sub { kill 'TERM', $pid; waitpid $pid, 0 });
        return;
    }
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    open STDOUT, '>', '/dev/null';
    while (my $c = $listen->accept) {
        print {$c} "220 mailboxes LMTP\r\n";
        while (defined(my $line = <$c>)) {
            my $answer = $line =~ /^LHLO/ ? "250-mailboxes\r\n250 ENHANCEDSTATUSCODES"
                : $line =~ /^RCPT TO:<full/ ? '552 5.2.2 Quota exceeded (mailbox for user is full)'
                : $line =~ /^RCPT/          ? '550 5.1.1 User unknown'
                : $line =~ /^QUIT/          ? '221 2.0.0 Bye'
                :                             '250 2.0.0 Ok';
            print {$c} "$answer\r\n";
            last if $line =~ /^QUIT/;
        }
    }
    POSIX::_exit(0);
}
serve_mailboxes();

my $site = BM::Site->new(
    dir => $dir,
    # Whose address has "dead" in it is unknown.
    mx => { reply => sub {
        my ($stage, $address) = @_;
        return $stage eq 'rcpt' && $address =~ /dead|postmaster|abuse/i ? '550 5.1.1 User unknown' : undef;
    } },
    main => {
        mynetworks              => '127.0.0.1/32',
        relay_domains           => 'example.net',
        recipient_delimiter     => '+',
        virtual_alias_domains   => 'alias.example.com',
        virtual_alias_maps      => 'inline:{ { info@alias.example.com = deadalias@remote.test } }',
        virtual_mailbox_domains => 'box.example.com',
        transport_maps          => "inline:{ { box.example.com = lmtp:unix:$lmtp }, { lmtp.test = lmtp:unix:$lmtp },"
            . ' { local.test = local: }, { virtual.test = virtual: } }',
        virtual_mailbox_base    => $dir,
        virtual_uid_maps        => 'static:65534',
        virtual_gid_maps        => 'static:65534',
    },
    conf => { 'trusted-reporters' => ['127.0.0.2'], 'max-suppressions' => '0' },
);
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);

# Octets from a test that is written in characters.
sub octets { my ($s) = @_; utf8::encode($s) if utf8::is_utf8($s); return $s }

# smtpd's answer to a recipient: 'refused' by us, 'accepted', or the answer.
sub asked {
    my ($rcpt, $s) = @_;
    my $answer = ($s // $site)->rcpt_answer($rcpt, smtputf8 => scalar $rcpt =~ /[^\0-\x7f]/);
    return $answer =~ /suppressed by bouncemilter/ ? 'refused' : $answer =~ /^250/ ? 'accepted' : $answer;
}

sub send_to {
    my ($rcpt, $from) = @_;
    my $r = $site->submit($from // 'app@example.net', [$rcpt], $site->message('x'),
        smtputf8 => scalar $rcpt =~ /[^\0-\x7f]/);
    like $r->{data}, qr/^250/, "sent to $rcpt" or diag explain $r;
    return;
}

subtest 'our own users' => sub {
    my @cases = (
        # recipient               category        why it is exempt
        ['full@box.example.com',    'mailbox-full', qr/own domain|below/],
        ['nobody@box.example.com',  'user-unknown', qr/own domain/],
        ['full@lmtp.test',          'mailbox-full', qr/own delivery agent/],
        ['nobody@lmtp.test',        'user-unknown', qr/own delivery agent/],
        ['nobody.here@local.test',  'user-unknown', qr/own delivery agent/],
        ['nobody@virtual.test',     'user-unknown', qr/own delivery agent/],
        ['deadown@example.net',     'user-unknown', qr/own domain/],
        ['postmaster@remote.test',  'user-unknown', qr/never-suppress/],
        ['abuse@remote.test',       'user-unknown', qr/never-suppress/],
    );
    send_to($_->[0], 'app@example.net') for @cases;
    for my $c (@cases) {
        my ($rcpt, $category, $why) = @$c;
        my $e = $site->event($rcpt);
        is $e->{category}, $category, "$rcpt: category" or diag explain $e;
        is $e->{decision}, 'exempt', 'does not suppress';
        like $e->{reason}, $why, "because: $e->{reason}";
        is asked($rcpt), 'accepted', 'is not refused';
    }
    is_deeply [$site->suppressed], [], 'nobody is suppressed';
};

subtest 'an alias of ours that leads outside' => sub {
    send_to('info@alias.example.com');
    my $e = $site->event('deadalias@remote.test');
    is $e->{decision}, 'suppress', 'the address outside is suppressed';
    is $e->{original_recipient}, 'info@alias.example.com', 'the alias is on the record';
    ok $site->wait_published('deadalias@remote.test'), 'published';
    is asked('deadalias@remote.test'), 'refused', 'the address outside is refused';
    is asked('info@alias.example.com'), 'accepted', 'the alias is not';
};

# What bounced, who is refused after it, who is not.
my @table = (
    ['dead@remote.test',
        ['DEAD@Remote.Test', 'dead+x@remote.test', '"dead"@remote.test', 'dead@remote.test.'],
        ['dea@remote.test', 'dead-x@remote.test', 'dead@sub.remote.test', 'dead@remote.test.example.org',
            'dead@other.test', 'x+dead@remote.test']],
    ['deadtag+one@remote.test',
        ['DeadTag+One@remote.test', 'deadtag+one@REMOTE.test'],
        ['deadtag@remote.test', 'deadtag+two@remote.test', 'one@remote.test']],
    ['Dead.Mixed@Remote.TEST', ['dead.mixed@remote.test'], ['deadmixed@remote.test']],
    ['"dead space"@remote.test',
        ['"DEAD SPACE"@remote.test', '"dead\ space"@remote.test'],
        ['"dead  space"@remote.test', 'deadspace@remote.test', 'space@remote.test']],
    ['"dead@at"@remote.test', ['"Dead@At"@remote.test'], ['dead@at.remote.test', 'dead@at']],
    ['"dead\"quote"@remote.test', ['"dead\"QUOTE"@remote.test'], ['deadquote@remote.test']],
    ['"dead..dots"@remote.test', ['"dead..dots"@remote.TEST'], ['dead.dots@remote.test']],
    ['"dead>, x"@remote.test', ['"dead>, X"@remote.test'], ['x@remote.test']],
    ['deadkäse@remote.test', ['DEADKÄSE@remote.test'], ['deadkase@remote.test', 'deadkaese@remote.test']],
    ['deadα@remote.test', ['deadΑ@remote.test'], ['deada@remote.test']],
    # Postfix folds the German sharp s to two letters, so these two are one.
    ['deadstraße@remote.test', ['deadSTRASSE@remote.test'], ['deadstrase@remote.test']],
    ['dead@bücher.test',
        ['dead@BÜCHER.test', 'dead@xn--bcher-kva.test', 'Dead@XN--BCHER-KVA.test'],
        ['dead@bucher.test', 'dead@buecher.test']],
    ['dead@xn--kse-qla.test', ['dead@käse.test'], ['dead@kase.test']],
);

subtest 'who is refused, as a table' => sub {
    send_to($_->[0]) for @table;
    my $wanted = 1 + @table;
    ok wait_for(sub { $site->suppressed >= $wanted }, 20), 'all are suppressed' or diag join "\n", $site->suppressed;
    ok wait_for(sub { asked($table[-1][0]) eq 'refused' }, 10), 'published';
    for my $row (@table) {
        my ($bounced, $refused, $accepted) = @$row;
        is asked($_), 'refused',  "$bounced bounced: $_ is refused"  for $bounced, @$refused;
        is asked($_), 'accepted', "$bounced bounced: $_ is accepted" for @$accepted;
    }
};

# The one form that a key may have.
my $key = qr/\A(?:"(?:[^"\\\0-\x1f\x7f]|\\["\\])+"|[^\s"(),:;<>@\[\\\]\0-\x1f\x7f]+)
    @(?:[a-z0-9_\x80-\xff](?:[a-z0-9_\x80-\xff-]*[a-z0-9_\x80-\xff])?\.)+[a-z\x80-\xff][a-z0-9\x80-\xff-]*\z/x;

subtest 'no report makes a key for anybody else' => sub {
    my @bytes = map { sprintf "x%cy\@inject.test", $_ } 0 .. 31, 127 .. 159, 255;
    my @bad = (
        'user@', 'inject.test', '@inject.test', '*@inject.test', '.inject.test', 'user', '', ' ', '@', '*', '""',
        'user@*', 'user@test', 'user@.test', 'user@inject..test', 'user@-inject.test', 'user@[127.0.0.1]', 'user@127.0.0.1',
        'user@inject.test,other@inject.test', 'user@inject.test other@inject.test', 'user@inject.test@', 'user@@inject.test',
        '<user@>', '<@inject.test>', '"@inject.test', '"user@inject.test', '""@inject.test', "\"a\0b\"\@inject.test",
        "user\@inject.test\0", "user\@\0inject.test", "user@\rinject.test", "user\@inject.test\r other\@inject.test",
        "user\@\n inject.test", "user\@inject.test\n \@inject.test", '@a.test,@b.test:user@', 'user@inject.test:smtp',
        ('a' x 600) . '@inject.test', 'user@' . ('a' x 64) . '.test', 'user@' . ('a.' x 200) . 'test', "\xff\xfe\@inject.test",
        "user\@inj\xffect.test", '=?utf-8?q?user=40?=', 'user(comment)@', 'error:5.1.1', '550 5.1.1 all', 'user@inject.test 550 all',
        @bytes);
    my $smtp = BM::SMTP->new($pf->port, source => '127.0.0.2');
    my $taken = 0;
    while (my @few = splice @bad, 0, 20) {
        my $text = $site->report(recipients => [map { { final => $_ }, { final => "x$_", original => $_ } } @few]);
        $taken++ if $smtp->transaction('', ['app@example.net'], $text)->{data} =~ /^250/;
        ok $daemon->alive, 'the daemon lives';
    }
    cmp_ok $taken, '>=', 4, 'the reports were taken';
    my ($status, $out, $err) = $daemon->suppress('--verify');
    is "$status $err", '0 ', 'published';
    for my $table (qw(access transport complaint-access complaint-transport)) {
        my @keys = $site->keys_of($table);
        is_deeply [grep { $_ !~ $key } @keys], [], "$table: every key is a whole address";
        cmp_ok scalar @keys, '>', @table, "$table: there are keys" if $table !~ /complaint/;
    }
    for my $table (qw(access transport)) {
        my @wrong = grep { defined $site->published($_, $table) }
            'user@', 'user', 'inject.test', '@inject.test', '*@inject.test', '.inject.test', 'test', '.test', '*', '@',
            'remote.test', 'dead@', 'postmaster@inject.test';
        is_deeply \@wrong, [], "$table: no such key";
    }
    is asked($_), 'accepted', "$_ is accepted"
        for 'anybody@inject.test', 'user@elsewhere.test', 'user@sub.inject.test', 'x@test', 'dead@elsewhere.test';
};

is $daemon->stop, 0, 'a clean end' or diag $daemon->log;
unlike $daemon->own_log, qr/error|warning|alert/i, 'and no complaint' or diag $daemon->log;

subtest 'recipient_delimiter = +-' => sub {
    my $other = BM::Site->new(main => { recipient_delimiter => '+-' });
    ok $other->daemon->wait_log(qr/warning: recipient_delimiter = \+-: the tables would refuse other people/), 'start-up warns';
    my (undef, $out) = $other->daemon->tool('bouncemilter', '-t');
    like $out, qr/^# recipient_delimiter = \+- .*enforce = milter/ms, '-t says what to do';
    $other->daemon->suppress('--add', 'john@remote.test', '--reason', 'x');
    is asked('john-smith@remote.test', $other), 'refused', 'with a table, another person is refused: it is Postfix that asks for john@';
    $other->pf->set(smtpd_recipient_restrictions => '', transport_maps => '');
    $other->pf->reload;
    $other->daemon->stop;
    my $said = length $other->daemon->log;
    $other->daemon->configure({ enforce => 'milter' })->start;
    ok wait_for(sub { asked('john-smith@remote.test', $other) eq 'accepted' }, 10), 'with enforce = milter, john-smith is not';
    is asked('john@remote.test', $other), 'refused', 'john is';
    is asked('JOHN@remote.test', $other), 'refused', 'in any case';
    is asked('john+x@remote.test', $other), 'accepted', 'exactly this address';
    unlike substr($other->daemon->log, $said), qr/recipient_delimiter/, 'no warning then';
};

done_testing;
