# What a FUSE says of one folder and the file in it, both of user UID: answers by the number of the request (fuse_kernel.h).
use strict; use warnings;
sub fuse_answers {
  my ($uid) = @_;
  my $attributes = sub { my ($ino) = @_; pack('Q6 L10', $ino, 4096, 0, 0, 0, 0, 0, 0, 0, $ino == 1 ? 040755 : 0100644, 1, $uid, $uid, 0, 0, 0) };
  return (
    1 => sub { pack('Q4 L2', 2, 0, 100, 100, 0, 0) . $attributes->(2) },
    3 => sub { pack('Q L2', 100, 0, 0) . $attributes->($_[0]) },
    14 => sub { pack('Q L2', 0, 0, 0) },
    26 => sub { pack('L4 S2 L2 S2 L8', 7, 31, 0, 0, 0, 0, 65536, 0, 0, 0, (0) x 8) },
  );
}
# Whatever there is no answer to is not implemented (ENOSYS).
sub fuse_reply {
  my ($fuse, $answers, $what, $unique, $node) = @_;
  my $answer = exists $answers->{$what} ? $answers->{$what}->($node) : '';
  syswrite $fuse, pack('L l Q', 16 + length $answer, exists $answers->{$what} ? 0 : -38, $unique) . $answer;
}
1;
