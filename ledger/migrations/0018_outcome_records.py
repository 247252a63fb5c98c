import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_plain_words'),
        ('ledger', '0017_cost_record_run'),
    ]

    operations = [
        migrations.CreateModel(
            name='OutcomeRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('outcome_id', models.CharField(max_length=255)),
                ('name', models.CharField(max_length=100)),
                ('timestamp', models.DateTimeField()),
                ('count', models.BigIntegerField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('attribution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.attribution')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'name', 'timestamp'], name='outcome_record_time')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'outcome_id'), name='one_outcome_record_per_outcome_id'), models.CheckConstraint(condition=models.Q(('count__gt', 0)), name='outcome_count_is_positive')],
            },
        ),
    ]
