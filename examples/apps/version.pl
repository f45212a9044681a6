#!/usr/bin/perl
# The same service in Perl, with nothing but what every Debian has: one process, one loop, kept-alive connections.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my $version = $ENV{VERSION} // '1.0.0';
my $port    = $ENV{PORT}    // 8080;
my $body    = qq({"version": "$version", "errors": []}\n);
my $answer  = join "\r\n", 'HTTP/1.1 200 OK', 'Content-Type: application/json', "X-App-Version: $version",
  'Content-Length: ' . length $body, '', $body;

my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1',
    LocalPort => $port,
    Listen    => 128,
    ReuseAddr => 1,
    Blocking  => 0,
) or die "cannot listen on port $port: $!\n";

$SIG{TERM} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';
$| = 1;
print "version $version listens on port $port\n";

my $select = IO::Select->new($listener);
my %unread;

sub forget {
    my ($client) = @_;
    $select->remove($client);
    delete $unread{$client};
    close $client;
}

while (1) {
    for my $ready ($select->can_read) {
        if ($ready == $listener) {
            while (my $client = $listener->accept) { $select->add($client) }
            next;
        }
        my $got = sysread $ready, $unread{$ready}, 16384, length($unread{$ready} // '');
        if (!$got) { forget($ready); next }

        # Requests without a body, one after the other; whatever follows the blank line is the next one.
        while (defined $unread{$ready} && $unread{$ready} =~ s/\A(.*?)\r\n\r\n//s) {
            my $close = $1 =~ /^connection:\s*close\s*$/im;
            syswrite $ready, $answer;
            forget($ready) if $close;
        }
    }
}
