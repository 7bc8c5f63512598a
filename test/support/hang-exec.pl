# An exec that never ends: a process of user UID closes a file of a FUSE that does not answer. Says "hung", ends with its stdin or after SECONDS.
use strict; use warnings; use POSIX ();
require(__FILE__ =~ s{[^/]+$}{fuse-answers.pl}r);
my ($dir, $uid, $seconds) = @ARGV;
$^F = 64;
open(my $fuse, '+<', '/dev/fuse') or die "/dev/fuse: $!";
my $options = 'fd=' . fileno($fuse) . ",rootmode=40000,user_id=$uid,group_id=$uid";
system('mount', '-i', '-t', 'fuse', '-o', $options, 'opsd-test', $dir) == 0 or die 'mount failed';
$^F = 2;
# The leader of the session is a zombie of a parent in another one: whose process this is, the session does not tell.
my $parent = fork() // die $!;
if ($parent == 0) {
  open STDOUT, '>', '/dev/null';
  POSIX::setgid($uid); POSIX::setuid($uid);
  my $leader = fork() // die $!;
  if ($leader == 0) {
    POSIX::setsid();
    my $child = fork() // die $!;
    POSIX::_exit(0) if $child != 0;
    open(my $file, '<', "$dir/file") or die "$dir/file: $!";
    close $fuse; close STDIN;
    exec 'sleep', '100' or die $!;
  }
  close $fuse;
  # Until the one above is gone.
  my $rest = <STDIN>;
  POSIX::_exit(0);
}
$SIG{ALRM} = sub { POSIX::_exit(0) };
alarm $seconds;
$| = 1;
my %answers = fuse_answers($uid);
while (sysread($fuse, my $request, 200_000)) {
  my (undef, $what, $unique, $node) = unpack('L2 Q2', $request);
  if ($what == 25) { print "hung\n"; last }
  next if $what == 2 || $what == 36 || $what == 42;
  fuse_reply($fuse, \%answers, $what, $unique, $node);
}
my $rest = <STDIN>;
POSIX::_exit(0);
