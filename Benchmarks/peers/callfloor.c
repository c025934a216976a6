/* callfloor - what libopus alone costs for the calls of bench_media.py --mode transcode (own work, bench use only).
 *   callfloor calls CALLS RATE COMPLEXITY BITRATE FEC SECONDS
 *     The very frames of rtpgen -a, for CALLS calls in turn, so that their states meet the caches as calls do: Opus packets
 *     (made at 48 kHz, 24 kbit/s, as rtpgen makes them) are decoded to RATE, mu-law speech is encoded at RATE with the
 *     given complexity, bitrate and forward error correction (0 or 1).  Thread CPU clock.
 *   callfloor room CALLS RATE COMPLEXITY BITRATE FEC SECONDS
 *     The same, but what is encoded is what was decoded: a participant of a conference with Opus.
 *   callfloor paced CALLS RATE COMPLEXITY BITRATE FEC SECONDS
 *     As `calls`, in real time: each packet is decoded and each frame encoded when it is due, and the thread sleeps in between,
 *     as a media thread does. What that costs more than `calls` is the caches' and the clock frequency's, and nobody's code.
 *   callfloor sizes
 *     Bytes of libopus' own state: one mono encoder and one mono decoder.
 */
#define _GNU_SOURCE
#include <math.h>
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define LOOPS 5
static double cpu(void){ struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID,&t); return t.tv_sec+t.tv_nsec/1e9; }
/* as in rtpgen.c: formant-shaped harmonics, 4 Hz syllables, noise, pauses */
static void synth(int16_t *out,int fs){
    uint32_t rng=12345; double ph=0, top=fs>=16000?7000:3400;
    for (int i=0;i<fs*LOOPS;i++){
        double t=(double)i/fs, tt=t-floor(t), f0=120+25*sin(2*M_PI*0.7*t)+8*sin(2*M_PI*5*t), v=0; ph+=f0/fs; if (ph>1e6) ph-=1e6;
        for (int h=1;h*f0<top&&h<60;h++){ double f=h*f0;
            v+=(exp(-pow((f-500)/300,2))+0.5*exp(-pow((f-1500-300*sin(2*M_PI*1.3*t))/250,2))+0.3*exp(-pow((f-2600)/300,2))+0.05/(1+f/2000))*cos(2*M_PI*h*ph+h*h*0.3); }
        rng=rng*1664525u+1013904223u; double nz=((int32_t)rng)/2147483648.0, env=tt<0.7?0.35+0.65*fabs(sin(2*M_PI*2*t)):0, cons=fmod(t,0.25)<0.05?0.25:0.01;
        double s=8000*env*(0.30*v+cons*nz)+6*nz; out[i]=s>32000?32000:s<-32000?-32000:(int16_t)s; } }
static OpusEncoder *encoder(int fs,int cx,int br,int fec,int voice){
    int err; OpusEncoder *e=opus_encoder_create(fs,1,OPUS_APPLICATION_VOIP,&err); if (!e) exit(3);
    opus_encoder_ctl(e,OPUS_SET_BITRATE(br)); opus_encoder_ctl(e,OPUS_SET_COMPLEXITY(cx));
    if (voice) opus_encoder_ctl(e,OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    if (fec){ opus_encoder_ctl(e,OPUS_SET_INBAND_FEC(1)); opus_encoder_ctl(e,OPUS_SET_PACKET_LOSS_PERC(2)); }
    return e; }
int main(int ac,char **av){
    if (ac==2 && !strcmp(av[1],"sizes")){ printf("encoder_bytes=%d decoder_bytes=%d\n",opus_encoder_get_size(1),opus_decoder_get_size(1)); return 0; }
    if (ac<8){ fprintf(stderr,"usage: callfloor calls|room|paced CALLS RATE COMPLEXITY BITRATE FEC SECONDS | callfloor sizes\n"); return 2; }
    int room=!strcmp(av[1],"room"), n=atoi(av[2]), fs=atoi(av[3]), cx=atoi(av[4]), br=atoi(av[5]), fec=atoi(av[6]), secs=atoi(av[7]);
    int paced=!strcmp(av[1],"paced");
    if (n<1||n>1000||secs<1) return 2;
    int16_t *wide=malloc(2L*48000*LOOPS), *speech=malloc(2L*fs*LOOPS); synth(wide,48000); synth(speech,fs);
    int packets=50*LOOPS; unsigned char (*packet)[400]=malloc(400L*packets), out[400]; int *size=malloc(sizeof(int)*packets);
    OpusEncoder *source=encoder(48000,5,24000,0,0);
    for (int pass=0;pass<2;pass++) for (int k=0;k<packets;k++) size[k]=opus_encode(source,wide+k*960L,960,packet[k],400);
    OpusEncoder **e=malloc(sizeof *e*n); OpusDecoder **d=malloc(sizeof *d*n); int err;
    for (int i=0;i<n;i++){ e[i]=encoder(fs,cx,br,fec,1); d[i]=opus_decoder_create(fs,1,&err); if (!d[i]) return 3; }
    int frame=fs/50; int16_t pcm[5760]; long bytes=0; struct timespec due; clock_gettime(CLOCK_MONOTONIC,&due); double t0=cpu();
    for (int k=0;k<50*secs;k++) for (int i=0;i<2*n;i++){ int call=i%n, q=(k+call*7)%packets;
        /* All packets of one direction, then those of the other, spread over the 20 ms. */
        if (paced){ due.tv_nsec+=10000000/n; if (due.tv_nsec>=1000000000){ due.tv_nsec-=1000000000; due.tv_sec++; } clock_nanosleep(CLOCK_MONOTONIC,TIMER_ABSTIME,&due,NULL); }
        if (i<n || !paced) if (opus_decode(d[call],packet[q],size[q],pcm,5760,0)!=frame) return 4;
        if (i>=n || !paced){ int made=opus_encode(e[call],room?pcm:speech+(long)q*frame,frame,out,sizeof out); if (made<1) return 5; bytes+=made; }
        if (!paced && i==n-1) break; }
    double t=cpu()-t0;
    printf("ms_per_call_second=%.3f encoded_kbps=%.1f\n",t*1000/secs/n,bytes*8.0/secs/n/1000); return 0;
}
