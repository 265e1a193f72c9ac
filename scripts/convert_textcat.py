"""Turn labelled lines into documents with classes: those of TREC and of SST-2.

python scripts/convert_textcat.py trec train.txt corpus/trec
python scripts/convert_textcat.py sst2 train.txt corpus/sst2/train.spacy
"""
