# Runs a command with a new terminal for its output: on-terminal.pl FILE COMMAND... FILE gets what the terminal shows.
use strict;
use warnings;

use constant { TIOCGPTN => 0x80045430, TIOCSPTLCK => 0x40045431, O_RDWR_NOCTTY => 2 | 256 };

my ($file, @command) = @ARGV;
sysopen(my $master, '/dev/ptmx', O_RDWR_NOCTTY) or die "/dev/ptmx: $!";
my $number = pack('i', 0);
ioctl($master, TIOCSPTLCK, $number) or die "unlock: $!";
ioctl($master, TIOCGPTN, $number) or die "number: $!";
my $name = '/dev/pts/' . unpack('i', $number);
sysopen(my $slave, $name, O_RDWR_NOCTTY) or die "$name: $!";

my $pid = fork() // die "fork: $!";
if ($pid == 0) {
  # Until nobody has the terminal any more.
  close($slave);
  open(my $out, '>', $file) or die "$file: $!";
  my $bytes;
  while (sysread($master, $bytes, 65536)) { syswrite($out, $bytes) }
  exit 0;
}
close($master);
open(STDOUT, '>&', $slave) && open(STDERR, '>&', $slave) or die "dup: $!";
close($slave);
exec { $command[0] } @command or die "$command[0]: $!";
