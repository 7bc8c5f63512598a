# A FUSE that never answers a read or a flush, in namespaces of its user's own: NODE DIR serve|read|exec, NODE DIR output GO, or - FILE exec, - FILE output GO.
use strict; use warnings; use POSIX ();
require(__FILE__ =~ s{[^/]+$}{fuse-answers.pl}r);
my ($node, $dir, $mode, $go) = @ARGV;
my $file = $dir;
if ($node ne '-') {
  $file = "$dir/file";
  $^F = 64;
  open(my $fuse, '+<', $node) or die "$node: $!";
  my $options = 'fd=' . fileno($fuse) . ',rootmode=40000,user_id=0,group_id=0';
  system('mount', '-i', '-t', 'fuse', '-o', $options, 'opsd-test', $dir) == 0 or die 'mount failed';
  $^F = 2;
  if (fork() == 0) { serve($fuse); POSIX::_exit(0) }
  close $fuse;
}
$| = 1;
print "up\n";
if ($mode eq 'output') {
  open(my $in, '<', $file) or die "$file: $!";
  my ($mmap, $write) = (POSIX::uname())[4] eq 'aarch64' ? (222, 64) : (9, 1);
  # The first of the two pages is in the pipe when the second is waited for.
  my $at = syscall($mmap, 0, 8192, 3, 34, -1, 0);
  syscall($mmap, $at + 4096, 4096, 1, 18, fileno($in), 0);
  # Whoever makes that file sees to it that opsd has not read this line yet when the pipe is taken for ever.
  until (-e $go) { select(undef, undef, undef, 0.02) }
  syswrite(STDOUT, "more\n");
  syscall($write, 1, $at, 8192);
} elsif ($mode eq 'read') {
  # Waits for itself only.
  if (fork() == 0) { open(my $in, '<', $file) or die "$file: $!"; sysread($in, my $never, 1) }
} elsif ($mode eq 'exec') {
  if (fork() == 0) {
    open(my $in, '<', $file) or die "$file: $!";
    exec 'sleep', '1000' or die $!;
  }
}
sleep 1000;
sub serve {
  my ($fuse) = @_;
  my %answers = fuse_answers(0);
  while (sysread($fuse, my $request, 200_000)) {
    my (undef, $what, $unique, $node) = unpack('L2 Q2', $request);
    next if $what == 2 || $what == 15 || $what == 25 || $what == 36 || $what == 42;
    fuse_reply($fuse, \%answers, $what, $unique, $node);
  }
  sleep 1000;
}
