#!/bin/sh
# A stranger of the chaos test, called like a service: writes down every signal that it gets.
# usage: service.sh LOG

for signal in HUP INT QUIT USR1 USR2 PIPE ALRM TERM CONT WINCH TSTP TTIN TTOU; do
  trap "echo $signal >>'$1'" $signal
done
echo ready >>"$1"
while :; do
  sleep 3600 &
  wait $!
done
