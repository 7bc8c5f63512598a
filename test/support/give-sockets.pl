# Does for a command what systemd does for a service of a .socket unit: keeps listening sockets, gives them to it, and
# starts it again when it ends. Arguments: a file for the ports, names of the sockets, --, the command. While there is a
# file of that name with .withheld behind it, they are for somebody else.
use strict;
use Socket;
use POSIX ();

my $file = shift;
my @names;
while (@ARGV and (my $name = shift) ne '--') { push @names, $name }
$^F = 1024;    # Nothing that is opened here is closed by exec.
my (@sockets, $ports);
for my $name (@names) {
  socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
  bind($socket, sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
  listen($socket, 4096) or die "listen: $!";
  $ports .= (sockaddr_in(getsockname $socket))[0] . "\n";
  push @sockets, $socket;
}
open(my $out, '>', "$file.new") or die "$file: $!";
print $out $ports;
close $out;
rename "$file.new", $file;

my ($child, $is_over);
$SIG{TERM} = sub { $is_over = 1; kill 'TERM', $child if $child };
until ($is_over) {
  $child = fork // die "fork: $!";
  if ($child == 0) {
    $SIG{TERM} = 'DEFAULT';
    POSIX::dup2(fileno $sockets[$_], 100 + $_) for 0 .. $#sockets;
    POSIX::close(fileno $_) for @sockets;
    for (0 .. $#sockets) { POSIX::dup2(100 + $_, 3 + $_); POSIX::close(100 + $_) }
    @ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = (-e "$file.withheld" ? 1 : $$, scalar @names, join(':', @names));
    exec @ARGV or POSIX::_exit(127);
  }
  1 while waitpid($child, 0) != $child and $!{EINTR};
  my $code = $? >> 8;
  exit $code if $code == 1 or $code == 127 or $is_over;
}
