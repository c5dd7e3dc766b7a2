/* Reads sentences, one a line, and writes what a Clustergen voice of flite 2.2 makes of them: no audio is analysed.
 *
 *   teacher VOICE FRAMES LABELS [WAVE_FOLDER] < sentences
 *
 * FRAMES  float32 rows of 31, every 5 ms: F0 in Hz (0: unvoiced), 25 mel-cepstra (alpha 0.42), 5 band strengths
 * LABELS  `H` + a mixed-excitation filter per line, then per sentence `U<tab>frames<tab>text` and `phone end` lines
 * With WAVE_FOLDER the speech itself is written too; without, its synthesis is stopped at once (it is most of the cost).
 */
#include <flite/cst_cg.h>
#include <flite/flite.h>
#include <stdio.h>
#include <string.h>

enum { CEPSTRA = 26, BANDS = 5, LONGEST_LINE = 8192 };

cst_voice *register_cmu_us_rms(const char *);
cst_voice *register_cmu_us_slt(const char *);
cst_voice *register_cmu_us_awb(const char *);

static cst_voice *open_voice(const char *name) {
  if (!strcmp(name, "rms")) return register_cmu_us_rms(NULL);
  if (!strcmp(name, "slt")) return register_cmu_us_slt(NULL);
  if (!strcmp(name, "awb")) return register_cmu_us_awb(NULL);
  return NULL;
}

static int stop(const cst_wave *wave, int start, int size, int last, cst_audio_streaming_info *info) {
  (void)wave, (void)start, (void)size, (void)last, (void)info;
  return CST_AUDIO_STREAM_STOP;
}

static void without_wave(cst_voice *voice) {
  cst_audio_streaming_info *info = new_audio_streaming_info();
  info->asc = stop;
  info->min_buffsize = 80;
  feat_set(voice->features, "streaming_info", audio_streaming_info_val(info));
}

static void write_filters(FILE *labels, const cst_cg_db *db) {
  for (int band = 0; band < db->ME_num; band++) {
    fprintf(labels, "H");
    for (int tap = 0; tap < db->ME_order; tap++) fprintf(labels, " %.9g", db->me_h[band][tap]);
    fprintf(labels, "\n");
  }
}

static int write_frames(FILE *frames, cst_utterance *utterance, cst_cg_db *db) {
  cst_track *smooth = mlpg(val_track(utt_feat_val(utterance, "param_track")), db);
  cst_track *bands = val_track(utt_feat_val(utterance, "str_track"));
  int count = smooth->num_frames;
  for (int i = 0; i < count; i++) {
    fwrite(smooth->frames[i], sizeof(float), CEPSTRA, frames);
    fwrite(bands->frames[i], sizeof(float), BANDS, frames);
  }
  delete_track(smooth);
  return count;
}

static void write_labels(FILE *labels, cst_utterance *utterance, int frames, const char *text) {
  fprintf(labels, "U\t%d\t%s\n", frames, text);
  for (cst_item *s = relation_head(utt_relation(utterance, "Segment")); s; s = item_next(s))
    fprintf(labels, "%s %.4f\n", item_feat_string(s, "name"), item_feat_float(s, "end"));
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: teacher VOICE FRAMES LABELS [WAVE_FOLDER]\n"), 2;
  flite_init();
  cst_voice *voice = open_voice(argv[1]);
  FILE *frames = fopen(argv[2], "wb"), *labels = fopen(argv[3], "w");
  if (!voice || !frames || !labels) return fprintf(stderr, "cannot open the voice or a file\n"), 1;
  if (argc == 4) without_wave(voice);
  char line[LONGEST_LINE], path[LONGEST_LINE];
  for (int n = 0; fgets(line, sizeof line, stdin); n++) {
    line[strcspn(line, "\n")] = 0;
    cst_utterance *utterance = flite_synth_text(line, voice);
    if (!utterance || !utt_feat_val(utterance, "param_track")) return fprintf(stderr, "no speech for: %s\n", line), 1;
    cst_cg_db *db = val_cg_db(utt_feat_val(utterance, "cg_db"));
    if (n == 0) write_filters(labels, db);
    write_labels(labels, utterance, write_frames(frames, utterance, db), line);
    if (argc > 4) {
      snprintf(path, sizeof path, "%s/%03d.wav", argv[4], n);
      cst_wave_save_riff(utt_wave(utterance), path);
    }
    delete_utterance(utterance);
  }
  return fclose(frames) || fclose(labels);
}
