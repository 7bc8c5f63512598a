# Makes the folder that the worker takes its files from, once, before that starts.

set -eu
mkdir -p "$QUEUE"
echo "ready for work on $(uname -n): $QUEUE"
